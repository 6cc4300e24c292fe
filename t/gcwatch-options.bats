#!/usr/bin/env bats
# Usage errors, help, and what the manual page shows.
load lib

# refused WORDS ARG...: exit status 2, one line that has the words, and the usage
refused() {
	local words=$1
	shift
	run --separate-stderr gcwatch "$@"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ ${stderr_lines[0]} == "gcwatch: $words"* ]]
	[[ ${stderr_lines[1]} == 'usage: gcwatch '* ]]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "-h and -V" {
	run --separate-stderr gcwatch -h
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == 'usage: gcwatch '* ]]
	local option
	for option in -l -i -n -j -g -P -C -S -p -o -r -m -v -h -V; do
		grep -qE -- "^  $option, --[a-z]+" <<<"$output"
	done
	[ "$(gcwatch --help)" = "$output" ]
	run --separate-stderr gcwatch --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^gcwatch\ [0-9]+\.[0-9]+ ]]
}

@test "usage errors quote what is wrong" {
	refused '-l nonsense' -l nonsense
	refused '-l 127.0.0.1:99999' -l 127.0.0.1:99999
	refused '-l tcp:127.0.0.1:1: statsd comes in datagrams' -l tcp:127.0.0.1:1
	refused '-i 0' -i 0
	refused '-i x' -i x
	refused '-n 0' -n 0
	refused '--names 0' --names 0
	refused '--idle -1' --idle -1
	refused '-p 0' -p 0
	refused '-p x' -p x
	refused '-o x.pdf: the name must end in .svg, .png, .tsv or .json, or be -' -o x.pdf
	refused '-o .svg' -o .svg
	refused '-r reads a recording and watches nothing' -r x.tsv -n 3
	refused '-r reads a recording and watches nothing' -r x.tsv true
	refused '-p 1: either a process or a command' -p 1 true
	refused 'unknown option -x' -x
	refused '-C nonsense' -C nonsense
	refused '--http x' --http x
	refused '-r reads a recording and watches nothing' -r x.tsv -P
	refused 'option -o needs an argument' -o
}

@test "long options" {
	start watch gcwatch --verbose --listen 127.0.0.1:0 --interval 200ms --flushes 2 --json --match a --output -
	addr=$(wait_for watch.err 'listening at') && addr=${addr##* }
	printf 'a:1|g\nb:1|g' | socat -u - "UDP:$addr"
	gone "$pid"
	[[ $(cat watch.out) == '{"epoch":'*',"name":"a",'* ]]
	run --separate-stderr gcwatch --read /dev/null --output x.svg --title x
	[ "$status" -eq 0 ]
	[ -s x.svg ]
	run --separate-stderr gcwatch --graph true
	[ "$status" -eq 2 ]
	run --separate-stderr gcwatch --pid $$ --flushes 1 --interval 0.3
	[[ $output =~ proc.rss ]]
}

@test "manual page: listen for some time, and send something meanwhile" {
	local port
	port=$(free_port)
	start watch gcwatch -i 1 -n 1 -l "127.0.0.1:$port" -v
	wait_for watch.err 'listening at'
	printf 'door.open:1|c\nroom.temp:21.5|g' | socat - "UDP:127.0.0.1:$port"
	gone "$pid"
	[ "$(cut -f 2,3,7 watch.out)" = $'door.open\t1\t1\nroom.temp\t1\t21.5' ]
}

@test "manual page: draw a script's memory and coroutines" {
	echo 'for i = 1, 100 do spawn(sleep, 0.2) end' >script.lua
	gcwatch -m .gc -m .co -o memory.svg corun script.lua
	grep -q '>script.gc</tspan>' memory.svg
	grep -q '>script.co</tspan>' memory.svg
	[ "$(grep -c '<circle' memory.svg)" -eq 2 ]
}

@test "manual page: record, draw, and find the largest values" {
	gcwatch -i 0.1 -o weekend.tsv corun -e 'for i = 1, 5 do stat.gauge("sipd.co", i) stat.gauge("other", 1) sleep(0.1) end'
	gcwatch -r weekend.tsv -m 'sipd.*' -o weekend.png
	[ -s weekend.png ]
	gcwatch -r weekend.tsv | cut -f 2,6 | grep -qx $'sipd.co\t5'
}

@test "manual page: watch a process that runs already" {
	start sleeper sleep 10
	run --separate-stderr gcwatch -p "$pid" -n 1
	[ "$status" -eq 0 ]
	[[ $output =~ proc.rss ]]
}

@test "manual page: a statsd daemon with JSON lines and percentiles" {
	local port
	port=$(free_port)
	start watch gcwatch -v -j -i 10 -l "0.0.0.0:$port" -l "unix:$PWD/statsd.sock"
	wait_for watch.err 'listening at unix:'
	printf 'page.time:120|ms\npage.time:80|ms' | socat -u - "UDP:127.0.0.1:$port"
	stop "$pid"
	[[ $(cat watch.out) == *'"name":"page.time","count":2,"min":80,'*'"p50":80,"p95":120,"p99":120}' ]]
}

@test "manual page: for Prometheus and Graphite" {
	local port
	port=$(free_port)
	start watch gcwatch -v -P -i 10 -l "0.0.0.0:$port" -C 127.0.0.1:2003
	wait_for watch.err "metrics are at http://0.0.0.0:$port/metrics"
	printf 'GET /metrics HTTP/1.0\r\n\r\n' | socat -t 5 - "TCP:127.0.0.1:$port" | grep -q '^gcwatch_datagrams_total 0'
	stop "$pid"
}

@test "manual page: a table tells whether memory has levelled" {
	echo 'local t = {} for i = 1, 30 do t[i] = ("x"):rep(2^20) .. i sleep(0.1) end' >script.lua
	run --separate-stderr gcwatch -S -i 0.1 -m .gc -m .rss -o memory.tsv corun script.lua
	[ "$status" -eq 0 ]
	[[ ${stderr_lines[0]} == metric*min*avg*max*last*'in the last half' ]]
	[ "${#stderr_lines[@]}" -eq 4 ]
	local bytes='[0-9.]+ ([KMG]i)?B'
	grep -qE "^proc.rss +$bytes +$bytes +$bytes at [0-9:]{8} +$bytes  rising \(\+[0-9.]+ \+-[0-9.]+ ([KMG]i)?B/s\)$" <<<"$stderr"
	[ "$(gcwatch -S -r memory.tsv | grep -c 'rising\|too short')" -eq 3 ]
}

@test "manual page: its examples are those that are tried here" {
	local page=$top/man/gcwatch.1
	[ "$(sed -n '/^.Sh EXAMPLES/,/^.Sh SEE/p' "$page" | grep -c '^\.Dl')" -eq 10 ]
}
