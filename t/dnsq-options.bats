#!/usr/bin/env bats
# Every option of dnsq that has no file of its own, and what is refused.

load lib

serve() {
	start mock corun "$top/t/mock/dns.lua"
	at=$(wait_for mock.out '^127')
}

asked() {
	grep -cE -- "$1" mock.out
}

# refused MESSAGE OPTION...: one line that says so, the usage, status 2
refused() {
	local message=$1
	shift
	run -2 --separate-stderr dnsq "$@"
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "dnsq: $message" ]
	[[ ${stderr_lines[1]} == "usage: dnsq ["* ]]
	[ "${#stderr_lines[@]}" = 2 ]
}

@test "-h and --help: a usage on stdout that names every option of the manual page" {
	run -0 --separate-stderr dnsq -h
	[ -z "$stderr" ]
	[[ $output == "usage: dnsq ["* ]]
	help=$output
	while read -r short long; do
		[[ $help == *"-$short, --$long"* ]]
	done < <(sed -n 's/^\.It Fl \([^ ]\) , -\([a-z]*\).*/\1 \2/p' "$top/man/dnsq.1")
	[ "$(sed -n '/^  -/p' <<<"$help" | wc -l)" = "$(grep -c '^\.It Fl . , -' "$top/man/dnsq.1")" ]
	run -0 dnsq --help
	[ "$output" = "$help" ]
}

@test "-V and --version" {
	run -0 dnsq -V
	[[ $output =~ ^dnsq\ [0-9]+\.[0-9]+\.[0-9]+\ \(.*\)$ ]]
	version=$output
	run -0 dnsq --version
	[ "$output" = "$version" ]
}

@test "what is wrong with the options is said in one line" {
	refused "unknown option -z (dnsq -h lists them)" -z
	refused "unknown option --nope (dnsq -h lists them)" --nope
	refused "option -t needs an argument" -t
	refused "option --json takes no argument" --json=1
	refused "-c 0: a whole number from 1 to 1000000 is wanted" -c 0
	refused "-c x: a whole number from 1 to 1000000 is wanted" -c x
	refused "-a 21: a whole number from 1 to 20 is wanted" -a 21
	refused "-r 0: a whole number from 1 to 100000000 is wanted" -r 0
	refused "-T x: a time in seconds is wanted, such as 5, 0.25, 250ms, 2m" -T x
	refused "-T 0: a time from 0.001 to 3600 seconds is wanted" -T 0
	refused "-t A,NOPE: unknown type (known ones are A, MX, TXT and so on; any is TYPEnnn)" -t A,NOPE
	refused "-@ ns.example.com: bad IP address (a server is written ADDRESS, ADDRESS#PORT or ADDRESS:PORT)" -@ ns.example.com
	refused "-@ 127.0.0.1#x: bad port (a server is written ADDRESS, ADDRESS#PORT or ADDRESS:PORT)" @127.0.0.1#x
	refused "-E a..b: empty label" -e -E a..b
	refused "-E x goes only with -e" -E x
	refused "only one of -j, -s and -R can be had" -j -s
	refused "only one of -x and -e can be had" -x -e
	refused "-t does not go with -e" -e -t A
	refused "-R does not go with -e" -e -R
}

@test "-@ takes a server in every form, and more than one" {
	serve
	port=${at#*:}
	for server in "127.0.0.1#$port" "127.0.0.1:$port"; do
		run -0 dnsq -@ "$server" -s a.x
		[ "$output" = 192.0.2.1 ]
		run -0 dnsq --server="$server" -s a.x
		[ "$output" = 192.0.2.1 ]
	done
	start mock2 corun "$top/t/mock/dns.lua"
	at2=$(wait_for mock2.out '^127')
	seq 20 | sed 's/.*/n&.x/' >names
	: >mock.out
	run -0 dnsq -@ "$at" -@ "$at2" -s <names
	[ "${#lines[@]}" = 20 ]
	[ "$(asked n)" = 10 ]
	[ "$(grep -c 'udp n' mock2.out)" = 10 ]
}

@test "without -@, the servers, timeout and attempts of resolv.conf" {
	serve
	printf 'nameserver %s\noptions timeout:1 attempts:1\n' "$at" >conf
	COOP_RESOLV_CONF=$PWD/conf run -0 dnsq -s a.x
	[ "$output" = 192.0.2.1 ]
	COOP_RESOLV_CONF=$PWD/conf run -1 dnsq silent.x
	[ "$(asked silent)" = 1 ]
	COOP_RESOLV_CONF=$PWD/conf run -1 dnsq -a 2 -T 0.1 silent.x
	[ "$(asked silent)" = 3 ]
	COOP_RESOLV_CONF=/ run -1 dnsq a.x
	[ "$output" = "dnsq: resolv.conf: Is a directory" ]
}

@test "-t: several types, by name and by number" {
	serve
	run -0 dnsq -@ "$at" -o -t a,TYPE16,Mx a.x 'b.x NS'
	[ "$output" = $'a.x.\t60\tIN\tA\t192.0.2.1\n; a.x. TXT NODATA\n; a.x. MX NODATA\n; b.x. NS NODATA' ]
}

@test "-c bounds what is in flight" {
	serve
	printf 'late-150.n%s.x\n' 1 2 3 4 >names
	began=${EPOCHREALTIME/./}
	run -0 dnsq -@ "$at" -c 2 -s <names
	took=$((${EPOCHREALTIME/./} - began))
	[ "${#lines[@]}" = 4 ]
	[ "$took" -ge 300000 ]
	[ "$took" -lt 590000 ]
}

@test "-r bounds the questions a second" {
	serve
	seq 30 | sed 's/.*/n&.x/' >names
	began=${EPOCHREALTIME/./}
	run -0 dnsq -@ "$at" -r 100 -s <names
	took=$((${EPOCHREALTIME/./} - began))
	[ "${#lines[@]}" = 30 ]
	[ "$took" -ge 280000 ]
	[ "$took" -lt 1000000 ]
}

@test "-D asks for DNSSEC records" {
	serve
	run -0 dnsq -@ "$at" -D a.x
	run -0 dnsq -@ "$at" b.x
	[ "$(asked 'a.x. A edns do$')" = 1 ]
	[ "$(asked 'b.x. A edns$')" = 1 ]
}

@test "-v: a summary at the end" {
	serve
	run -1 --separate-stderr dnsq -@ "$at" -v -T 0.1 -a 1 a.x 'b.x MX' nxdomain.x servfail.x silent.x
	[[ ${stderr_lines[0]} =~ ^dnsq:\ 5\ questions\ in\ [0-9.]+\ s\ \([0-9]+\ a\ second\):\ 1\ answered,\ 1\ NODATA,\ 1\ NXDOMAIN,\ 1\ other\ RCODEs,\ 1\ failed$ ]]
	[[ ${stderr_lines[1]} =~ ^dnsq:\ 5\ queries\ sent,\ 0\ messages\ ignored,\ 0\ TCP\ connections,\ [0-9.]+\ s\ of\ CPU$ ]]
}

@test "COOP_STATSD: gauges are sent there" {
	serve
	start stats corun -e 'local s = net.udp("127.0.0.1:0") io.stdout:setvbuf("line") print(s:localaddr())
		while true do print((s:recvfrom())) end'
	to=$(wait_for stats.out '^127')
	COOP_STATSD=$to run -0 dnsq -@ "$at" late-100.x
	wait_for stats.out '^dnsq.inflight:'
	wait_for stats.out '^dnsq.rss:'
	COOP_STATSD=nonsense: run -2 dnsq -@ "$at" a.x
}

@test "it links no Lua" {
	run nm "$build/dnsq"
	[ "$status" = 0 ]
	[[ $output == *resolver_ask* ]]
	[[ $output != *lua_* ]]
	[[ $output != *luaL_* ]]
}

@test "a long job says how far it is, on a terminal, and takes the line away" {
	cat >slow.lua <<-'LUA'
		local s = net.udp('127.0.0.1:0')
		print(s:localaddr()) io.stdout:flush()
		while true do s:recvfrom() end
	LUA
	start slow corun slow.lua
	tmux -L "$$-$BATS_TEST_NUMBER" -f /dev/null new-session -d -x 80 -y 24 \
		"dnsq -T 2 -a 2 -@ $(wait_for slow.out '^127') a.example b.example >answers; echo ended; cat"
	until_true eval 'tmux -L "$$-$BATS_TEST_NUMBER" capture-pane -p | grep -q "^0 done, 2 under way, 0 a second"'
	until_true eval 'tmux -L "$$-$BATS_TEST_NUMBER" capture-pane -p | grep -q "^ended"'
	tmux -L "$$-$BATS_TEST_NUMBER" capture-pane -p >screen
	tmux -L "$$-$BATS_TEST_NUMBER" kill-server
	run ! grep -q 'under way' screen
	[ "$(grep -c TIMEOUT answers)" -eq 2 ]
}
