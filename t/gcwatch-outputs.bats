#!/usr/bin/env bats
# Figures for others: Prometheus, Graphite.
load lib

# gcwatch in the background; where it listens in $addr, where the metrics are in $http
serve() {
	start watch gcwatch -v -P -l 127.0.0.1:0 "$@"
	http=$(wait_for watch.err 'metrics are at') && http=${http##*http://} && http=${http%/metrics}
	addr=$(wait_for watch.err 'listening at') && addr=${addr##* }
}

send() {
	printf '%b' "$1" | socat -u - "UDP:$addr"
}

# get PATH [METHOD]: the whole reply, without carriage returns
get() {
	printf '%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "${2:-GET}" "$1" | socat -t 5 - "TCP:$http" | tr -d '\r'
}

# a Graphite server: what it takes goes to its stdout
graphite='
local l = net.listen(arg[1])
io.stderr:write("at ", l:localaddr(), "\n")
for c in l:each() do
  for line in c:lines() do print(line) io.stdout:flush() end
end'

@test "-P: where -l is; the text that Prometheus reads" {
	serve -i 60
	[ "$http" = "$addr" ]
	send 'svc.gc:12|g\nhits:3|c'
	until_true eval 'get /metrics | grep -q "^hits_total 3$"'
	get /metrics >reply
	[ "$(head -n 1 reply)" = 'HTTP/1.1 200 OK' ]
	grep -qx 'Content-Type: text/plain; version=0.0.4; charset=utf-8' reply
	grep -qx '# HELP svc_gc Last value of the gauge svc.gc' reply
	grep -qx '# TYPE svc_gc gauge' reply
	grep -qx 'svc_gc 12' reply
	grep -qx 'gcwatch_datagrams_total 1' reply
	grep -qx 'gcwatch_dropped_datagrams_total 0' reply
	# every line of it is a comment or a sample, and each family is told of once
	[ -z "$(sed '1,/^$/d' reply | grep -vE '^(# (HELP|TYPE) [a-zA-Z_][a-zA-Z0-9_]* .+|[a-zA-Z_][a-zA-Z0-9_]*(\{quantile="0\.[0-9]+"\})? -?[0-9.e+-]+)$')" ]
	[ -z "$(grep '^# TYPE' reply | cut -d ' ' -f 3 | sort | uniq -d)" ]
}

@test "-P: HEAD, other pages, rubbish" {
	serve -i 60
	[ "$(get /metrics HEAD | sed '1,/^$/d')" = '' ]
	[ "$(get /metrics HEAD | head -n 1)" = 'HTTP/1.1 200 OK' ]
	[ "$(get / | tail -n 1)" = 'gcwatch: the metrics are at /metrics' ]
	[ "$(get /nothing | head -n 1)" = 'HTTP/1.1 404 Not Found' ]
	[ "$(get /metrics POST | head -n 1)" = 'HTTP/1.1 405 Method Not Allowed' ]
	[ "$(head -c 20000 /dev/zero | tr '\0' x | socat -t 5 - "TCP:$http" 2>/dev/null | head -n 1 | tr -d '\r')" = 'HTTP/1.1 431 Request Header Fields Too Large' ]
	send 'a:1|g'
	until_true eval 'get /metrics | grep -qx "a 1"'
	stop "$pid"
	[ "$status" -eq 0 ]
}

@test "--http: elsewhere; and an address that is taken" {
	start watch gcwatch -v --http 127.0.0.1:0 -l "unix:$PWD/s" -i 60
	http=$(wait_for watch.err 'metrics are at') && http=${http##*http://} && http=${http%/metrics}
	wait_for watch.err 'listening at'
	printf 'a:7|g' | socat -u - "UNIX-SENDTO:$PWD/s"
	until_true eval 'get /metrics | grep -qx "a 7"'
	run --separate-stderr gcwatch --http "$http" -l 127.0.0.1:0
	[ "$status" -eq 1 ]
	[ "$stderr" = "gcwatch: $http: Address already in use" ]
}

@test "-P: percentiles of timers, in seconds" {
	serve -i 0.2
	until_true eval 'send "t:250|ms"; get /metrics | grep -qx "t_seconds{quantile=\"0.99\"} 0.25"'
	get /metrics | grep -qE '^t_seconds_count [1-9]'
}

@test "-C: five figures for each metric, and percentiles, in Graphite's plain text" {
	start carbon corun -e "$graphite" - 127.0.0.1:0
	local to
	to=$(wait_for carbon.err '^at ') && to=${to#at }
	start watch gcwatch -v -l 127.0.0.1:0 -C "$to" -i 60
	addr=$(wait_for watch.err 'listening at') && addr=${addr##* }
	send 'a.b:4|g\na.b:1|g\nodd/name;x:1|c\nt:5|ms'
	# at the end all leaves
	stop "$pid"
	[ "$status" -eq 0 ]
	until_true eval '[ "$(wc -l <carbon.out)" -eq 18 ]'
	[ "$(sed -n 's/ [0-9]*$//; /^a/p' carbon.out | xargs)" = 'a.b.count 2 a.b.min 1 a.b.avg 2.5 a.b.max 4 a.b.last 1' ]
	grep -qE '^odd_name_x\.count 1 [0-9]{10}$' carbon.out
	grep -qE '^t\.p99 5 [0-9]{10}$' carbon.out
	run -1 grep -q 'did not take' watch.err
}

@test "-C: a server that comes late, and goes, has all in the end" {
	local port
	port=$(free_port)
	start watch gcwatch -v -l 127.0.0.1:0 -C "127.0.0.1:$port" -i 0.2
	local watcher=$pid
	addr=$(wait_for watch.err 'listening at') && addr=${addr##* }
	wait_for watch.err "127.0.0.1:$port: Connection refused; trying again"
	send 'first:1|g'
	start carbon corun -e "$graphite" - "127.0.0.1:$port"
	wait_for watch.err "127.0.0.1:$port: connected again"
	wait_for carbon.out '^first.last 1 '
	stop "$pid" KILL
	until_true eval 'send "second:2|g"; grep -q "trying again" <(tail -n 1 watch.err)'
	start carbon2 corun -e "$graphite" - "127.0.0.1:$port"
	wait_for carbon2.out '^second.last 2 '
	stop "$watcher"
	[ "$status" -eq 0 ]
}

@test "-C: at the end a server that is not there is not waited for for long, and what it missed is told" {
	local port
	port=$(free_port)
	start watch gcwatch -l 127.0.0.1:0 -v -C "127.0.0.1:$port" -i 60
	addr=$(wait_for watch.err 'listening at') && addr=${addr##* }
	send 'a:1|g'
	stop "$pid"
	[ "$status" -eq 0 ]
	grep -qE 'the Graphite server did not take the last [0-9]+ bytes' watch.err
}
