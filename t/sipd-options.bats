#!/usr/bin/env bats
# The options of sipd.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

script() {
	printf '%s\n' "${1-function request(req) req:reply(200) end}" >script.lua
}

# listening ARG...: starts sipd with them; the port of its first listener in $port
listening() {
	start sipd sipd "$@"
	port=$(wait_for sipd.err 'listening on udp')
	port=${port##*:}
}

# usage ARG...: sipd refuses them as a usage error
usage() {
	run --separate-stderr sipd "$@"
	[ "$status" -eq 2 ] && [ -z "$output" ]
	# shellcheck disable=SC2154 # bats sets it
	[[ ${stderr_lines[0]} == "sipd: "* && ${stderr_lines[1]} == "usage: sipd "* ]]
}

@test "-h and --help tell of every option" {
	for option in -h --help; do
		run --separate-stderr sipd "$option"
		[ "$status" -eq 0 ]
		[ -z "$stderr" ]
		for o in -l -@ -d -n -s -u -v -w --syslog; do [[ $output == *"$o"* ]]; done
	done
}

@test "-V and --version" {
	for option in -V --version; do
		run --separate-stderr sipd "$option"
		[ "$status" -eq 0 ]
		[[ $output =~ ^sipd\ [0-9.]+\ \(.*Lua\ 5\.4.*\)$ ]]
	done
}

@test "usage errors quote what is wrong" {
	usage -l nonsense
	[[ $stderr == *nonsense* ]]
	usage -l unix:/tmp/x
	[[ $stderr == *"unix:/tmp/x"*udp* ]]
	usage -@ nonsense
	[[ $stderr == *nonsense* ]]
	usage -s nonsense:x
	usage -u nobody-of-that-name
	[[ $stderr == *nobody-of-that-name* ]]
	usage --nonsense
	usage -l
	usage a.lua b.lua
	[[ $stderr == *b.lua* ]]
}

@test "-n: 0 for a good script, 2 for one that is not, and nobody listens" {
	script
	run --separate-stderr sipd -n -l 127.0.0.1:5060 script.lua
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	run --separate-stderr sipd --check
	[ "$status" -eq 0 ]
	script 'function request(req'
	run --separate-stderr sipd -n script.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *"script.lua:"* ]]
	script 'error("no good")'
	run --separate-stderr sipd -n script.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *"no good"*"stack traceback"* ]]
	script 'x = 1'
	run --separate-stderr sipd -n script.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *"no function request"* ]]
	script 'listen = "unix:/x" function request() end'
	run --separate-stderr sipd -n script.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *"udp, tcp and tls only"* ]]
	run --separate-stderr sipd -n nothing.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *nothing.lua* ]]
}

@test "-n: a line for each thing that is wrong" {
	script 'listen = { "nonsense", 5, "127.0.0.1:0" } max_requests = -1 supported = "100rel" tls = 5'
	run --separate-stderr sipd -n script.lua
	[ "$status" -eq 2 ]
	[ "$stderr" = "sipd: script.lua has no function request(req)
sipd: the script's max_requests: a whole number above 0 is wanted
sipd: the script's supported: a list of names is wanted
sipd: the script's tls: a table is wanted
sipd: the script's listen: bad IP address: 'nonsense'
sipd: the script's listen: a number is no address" ]
	for bad in 'listen = {}' 'listen = "tls:127.0.0.1:0"' 'listen = true' 'supported = { 1 }' 'tls = {}'; do
		script "$bad function request(req) end"
		run --separate-stderr sipd -n script.lua
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		run --separate-stderr sipd script.lua
		[ "$status" -eq 1 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	script
	run --separate-stderr sipd -n -l tls:127.0.0.1:0 script.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *certificate* ]]
	usage -n -s nonsense script.lua
	script 'max_requests = 0 function request() end'
	run --separate-stderr sipd -n --syslog script.lua
	[ "$status" -eq 2 ]
	[ "$stderr" = "sipd: the script's max_requests: a whole number above 0 is wanted" ]
}

@test "a script that fails at the start, or an address that is taken: status 1" {
	script 'error("no good")'
	run --separate-stderr sipd -l 127.0.0.1:0 script.lua
	[ "$status" -eq 1 ]
	[[ $stderr == *"no good"* ]]
	script
	listening -l 127.0.0.1:0 script.lua
	run --separate-stderr sipd -l "127.0.0.1:$port" script.lua
	[ "$status" -eq 1 ]
	[[ $stderr == *"127.0.0.1:$port"* ]]
}

@test "-l more than once, also IPv6: all are answered" {
	script
	listening -l udp:127.0.0.1:0 --listen '[::1]:0' script.lua
	wait_for sipd.err 'listening on udp:\[::1\]:'
	four=$(wait_for sipd.err '127\.0\.0\.1') six=$(wait_for sipd.err '\[::1\]')
	cat >client.lua <<-'LUA'
		for _, to in ipairs(arg) do
			local s = assert(net.udp((to:gsub(':%d+$', ':0'))))
			s:sendto(table.concat({ 'OPTIONS sip:x SIP/2.0', 'Via: SIP/2.0/UDP ' .. s:localaddr() .. ';branch=z9hG4bK1', 'From: <sip:a@b>;tag=1',
				'To: <sip:c@d>', 'Call-ID: 1', 'CSeq: 1 OPTIONS', '', '' }, '\r\n'), to)
			local text, from = s:recvfrom(5)
			print(text:match('^[^\r]*'), from == to, text:find('received') == nil)
		end
	LUA
	run --separate-stderr corun client.lua "${four##*udp:}" "${six##*udp:}"
	[ "$status" -eq 0 ]
	[ "$output" = $'SIP/2.0 200 OK\ttrue\ttrue\nSIP/2.0 200 OK\ttrue\ttrue' ]
}

@test "a script may say where to listen, -l says it better" {
	script 'listen = { "127.0.0.1:0", "udp:127.0.0.1:0" } function request(req) req:reply(200) end'
	listening script.lua
	until_true two_listeners
	stop "$pid"
	listening -l 127.0.0.1:0 script.lua
	sipsak -s "sip:x@127.0.0.1:$port"
	[ "$(grep -c listening sipd.err)" -eq 1 ]
	stop "$pid"
	script 'listen = "127.0.0.1:0" function request(req) req:reply(200) end'
	listening script.lua
	sipsak -s "sip:x@127.0.0.1:$port"
}

two_listeners() {
	[ "$(grep -c 'listening on udp:127\.0\.0\.1:[1-9]' sipd.err)" -eq 2 ]
}

@test "the script from standard input" {
	printf 'function request(req) req:reply(200, "From stdin") end' >in.lua
	: >sipd.err
	sipd -l 127.0.0.1:0 - <in.lua 2>sipd.err 3>&- &
	pids+=("$!")
	port=$(wait_for sipd.err 'listening on udp')
	run sipsak -vv -s "sip:x@127.0.0.1:${port##*:}"
	[[ $output == *"200 From stdin"* ]]
}

@test "-d: the directory from which the script is read" {
	mkdir sub
	echo 'return "in sub"' >sub/other.lua
	echo 'local text = require "other" function request(req) req:reply(200, text) end' >sub/script.lua
	listening -l 127.0.0.1:0 -d sub script.lua
	run sipsak -vv -s "sip:x@127.0.0.1:$port"
	[[ $output == *"200 in sub"* ]]
	run --separate-stderr sipd -l 127.0.0.1:0 -d nowhere script.lua
	[ "$status" -eq 1 ]
	[[ $stderr == *nowhere* ]]
}

@test "-u: another user, with none of the rights of root" {
	if [ "$(id -u)" -eq 0 ]; then user=nobody; else user=$(id -un); fi
	echo 'function request(req) req:reply(200) end' >in.lua
	: >sipd.err
	sipd -l 127.0.0.1:0 -u "$user" - <in.lua 2>sipd.err 3>&- &
	pids+=("$!")
	if [ "$(id -u)" -ne 0 ]; then
		wait_for sipd.err "cannot become|listening"
		return
	fi
	wait_for sipd.err 'listening on udp'
	[ "$(ps -o user= -p "$!")" = nobody ]
	[ "$(awk '/^Groups:/ { print NF }' "/proc/$!/status")" -le 2 ]
}

@test "-v: a line for each request" {
	script
	listening -v -l 127.0.0.1:0 script.lua
	sipsak -s "sip:x@127.0.0.1:$port"
	line=$(wait_for sipd.err OPTIONS)
	[[ $line == *127.0.0.1* ]]
}

@test "-s and COOP_STATSD: gauges once a second" {
	cat >statsd.lua <<-'LUA'
		local s = net.udp('127.0.0.1:0')
		io.stderr:write('here ', s:localaddr(), '\n')
		local seen = {}
		while not (seen.gc and seen.co and seen.ready and seen.timers and seen.fds and seen.late and seen.rss and seen.pending) do
			for name in s:recvfrom(10):gmatch('sipd%.(%w+):[%d.]+|g') do seen[name] = true end
		end
		print('all')
	LUA
	script
	for how in -s env; do
		start statsd corun statsd.lua
		statsd=$pid
		at=$(wait_for statsd.err '^here ')
		if [ "$how" = -s ]; then
			listening -l 127.0.0.1:0 -s "${at#here }" script.lua
		else
			listening_env "${at#here }"
		fi
		ended "$statsd"
		[ "$(cat statsd.out)" = all ]
		stop "$pid"
	done
}

listening_env() {
	start sipd env COOP_STATSD="$1" sipd -l 127.0.0.1:0 script.lua
	wait_for sipd.err listening
}

@test "--syslog: nothing on stderr" {
	script
	port=$(free_port)
	start sipd sipd --syslog -l "127.0.0.1:$port" script.lua
	until_true sipsak -s "sip:x@127.0.0.1:$port"
	[ ! -s sipd.err ]
	stop "$pid"
	[ "$status" -eq 0 ]
	[ ! -s sipd.err ]
}

@test "-w: all of them serve one port, one that dies is replaced, all end at once" {
	script 'function request(req) req:reply(200, nil, { ["X-Worker"] = tostring(coop.worker) }) end'
	port=$(free_port)
	start sipd sipd -w 2 -l "127.0.0.1:$port" script.lua
	wait_for sipd.err 'sipd\[1\]: listening on udp'
	wait_for sipd.err 'sipd\[2\]: listening on udp'
	cat >ask.lua <<-'LUA'
		local seen = {}
		for i = 1, 1000 do
		  local s = net.udp('127.0.0.1:0')
		  s:sendto(('OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n' ..
		    'Call-ID: %d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n'):format(s:localaddr(), i, i), arg[1])
		  local answer = s:recvfrom(5)
		  s:close()
		  if answer then seen[answer:match('X%-Worker: (%d)')] = true end
		  if seen['1'] and seen['2'] then print 'both' os.exit(0) end
		end
	LUA
	run corun ask.lua "127.0.0.1:$port"
	[ "$output" = both ]
	kill -KILL "$(pgrep -P "$pid" | head -n 1)"
	wait_for sipd.err 'sipd: worker [12] was killed by signal 9 .*: another takes its place'
	until_true eval '[ "$(grep -c "listening on udp" sipd.err)" -eq 3 ]'
	run corun ask.lua "127.0.0.1:$port"
	[ "$output" = both ]
	stop "$pid" TERM
	[ "$status" -eq 0 ]
}
