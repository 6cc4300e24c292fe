#!/usr/bin/env bats
# What comes in as datagrams comes out as five figures.
load lib

# gcwatch in the background; the address it listens at in $addr
watch() {
	start watch gcwatch -v -l 127.0.0.1:0 "$@"
	addr=$(wait_for watch.err 'listening at') && addr=${addr##* }
}

# send TEXT: one datagram
send() {
	printf '%b' "$1" | socat -u - "UDP:$addr"
}

# the line of a metric, without its time
line() {
	grep -P "\t$1\t" watch.out | cut -f 2-
}

@test "a gauge: count, min, avg, max, last" {
	watch
	send 'a:4|g\na:1|g\na:7|g'
	stop "$pid"
	[ "$status" -eq 0 ]
	[ "$(line a)" = $'a\t3\t1\t4\t7\t7' ]
}

@test "a gauge goes up and down by what has a sign, across datagrams" {
	watch
	send 'a:10|g'
	send 'a:+5|g'
	send 'a:-12|g\n'
	stop "$pid"
	[ "$(line a)" = $'a\t3\t3\t9.33333\t15\t3' ]
}

@test "a gauge below zero" {
	watch
	send 'a:0|g\na:-12.5|g'
	stop "$pid"
	[ "$(line a)" = $'a\t1\t-12.5\t-12.5\t-12.5\t-12.5' ]
}

@test "--absolute: a sign is part of the value, as some clients have it" {
	watch --absolute
	send 'a:10|g\na:-3|g\na:+5|g'
	send 'b:0|g\nb:-12.5|g'
	stop "$pid"
	[ "$(line a)" = $'a\t3\t-3\t4\t10\t5' ]
	[ "$(line b)" = $'b\t1\t-12.5\t-12.5\t-12.5\t-12.5' ]
}

@test "a counter: events, and events a second" {
	watch
	send 'hits:1|c\nhits:2|c\nhits:1|c|@0.1'
	stop "$pid"
	[ "$(line hits)" = $'hits\t13\t13\t13\t13\t13' ]
}

@test "a silent counter is a rate of zero, a silent gauge is nothing" {
	watch -i 0.2 -n 4
	send 'hits:5|c\na:1|g'
	gone "$pid"
	[ "$(grep -c $'\thits\t' watch.out)" -ge 3 ]
	[ "$(line hits | head -n 1 | cut -f 2)" -eq 5 ]
	[ "$(line hits | tail -n 1)" = $'hits\t0\t0\t0\t0\t0' ]
	[ "$(line a)" = $'a\t1\t1\t1\t1\t1' ]
}

@test "timers, with a sample rate, and DogStatsD's histograms" {
	watch
	send 't:10|ms|@0.5\nt:40|ms\nh:1|h\nd:2|d'
	stop "$pid"
	[ "$(line t)" = $'t\t3\t10\t20\t40\t40' ]
	[ "$(line h)" = $'h\t1\t1\t1\t1\t1' ]
	[ "$(line d)" = $'d\t1\t2\t2\t2\t2' ]
}

@test "a set: how many different members" {
	watch
	send 'u:jim|s\nu:eve|s\nu:jim|s'
	stop "$pid"
	[ "$(line u)" = $'u\t3\t2\t2\t2\t2' ]
}

@test "DogStatsD's tags make series of their own, in whatever order they come" {
	watch
	send 'a:1|g|#zone:b,env:live\na:3|g|#env:live,zone:b\na:7|g|#env:test\na:9|g\nt:10:30|ms|#x\n_e{1,1}:a|b\n_sc|db|0'
	stop "$pid"
	[ "$(line 'a;env=live;zone=b')" = $'a;env=live;zone=b\t2\t1\t2\t3\t3' ]
	[ "$(line 'a;env=test')" = $'a;env=test\t1\t7\t7\t7\t7' ]
	[ "$(line a)" = $'a\t1\t9\t9\t9\t9' ]
	[ "$(line 't;x=')" = $'t;x=\t2\t10\t20\t30\t30' ]
	[ "$(wc -l <watch.out)" -eq 4 ]
	# they are read back, and shown as JSON
	gcwatch -j -r watch.out | grep -q '"name":"a","tags":{"env":"live","zone":"b"},"count":2,'
}

@test "a bad line costs only itself, and is explained" {
	watch
	send 'a:1|g\nb:nan|g\nnothing\nc:1|x\na:2|g\nd:1e999|g\ne:0x10|c\nf f:1|g'
	stop "$pid"
	[ "$status" -eq 0 ]
	[ "$(cut -f 2 watch.out)" = a ]
	[ "$(line a)" = $'a\t2\t1\t1.5\t2\t2' ]
	grep -q 'bad value: b:nan|g$' watch.err
	grep -q 'no colon: nothing$' watch.err
	grep -q 'unknown type: c:1|x$' watch.err
	grep -q 'bad name: f f:1|g$' watch.err
	grep -q '1 datagrams, 8 lines, 6 of them bad' watch.err
}

@test "control characters in a bad line don't reach the terminal" {
	watch
	send '\033[2Jx'
	stop "$pid"
	run -1 grep -q $'\033' watch.err
}

@test "one name has one type" {
	watch
	send 'a:1|g'
	send 'a:5|c'
	stop "$pid"
	[ "$(line a)" = $'a\t1\t1\t1\t1\t1' ]
	grep -q 'known with another type: a$' watch.err
}

@test "-i and -n: an interval's lines, then the end by itself" {
	watch -i 0.5 -n 2
	send 'a:1|g'
	until_true grep -q . watch.out
	send 'a:5|g'
	gone "$pid"
	[ "$(cut -f 2- watch.out)" = $'a\t1\t1\t1\t1\t1\na\t1\t5\t5\t5\t5' ]
	[ "$(cut -f 1 watch.out | grep -cE '^[0-9]{10}(\.[0-9]{3})?$')" -eq 2 ]
}

@test "SIGINT and SIGTERM lose nothing that was received" {
	local signal i
	for signal in INT TERM; do
		watch
		kill -STOP "$pid"
		for i in {1..200}; do printf 'n:1|c\n'; done | socat -u - "UDP:$addr"
		kill "-$signal" "$pid"
		kill -CONT "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 0 ]
		[ "$(line n | cut -f 2)" -eq 200 ]
	done
}

@test "what was stopped for some time does not make up for it" {
	watch -i 0.1
	send 'a:1|g'
	kill -STOP "$pid"
	sleep 1
	kill -CONT "$pid"
	send 'c:1|c'
	until_true grep -q '	c	' watch.out
	stop "$pid"
	[ "$(grep -c '	c	' watch.out)" -le 5 ]
}

@test "-j: a JSON object a line" {
	watch -j
	send 'a:1.5|g\nq"\\:2|g'
	stop "$pid"
	[[ "$(head -n 1 watch.out)" =~ ^'{"epoch":'[0-9]{10}',"name":"a","count":1,"min":1.5,"avg":1.5,"max":1.5,"last":1.5}'$ ]]
	grep -qF '"name":"q\"\\","count":1' watch.out
}

@test "-m: parts of names, and patterns" {
	watch -m .gc -m 'x?' -m '*[0-9]'
	send 'a.gc:1|g\na.gcs:1|g\na.co:1|g\nxy:1|g\nxyz:1|g\nq7:1|g'
	stop "$pid"
	[ "$(cut -f 2 watch.out | xargs)" = 'a.gc a.gcs xy q7' ]
}

@test "IPv6 and unix sockets" {
	start watch gcwatch -v -l '[::1]:0'
	addr=$(wait_for watch.err 'listening at') && addr=${addr##* }
	printf 'a:1|g' | socat -u - "UDP6:$addr"
	stop "$pid"
	[ "$(line a)" = $'a\t1\t1\t1\t1\t1' ]

	start watch gcwatch -v -l "unix:$PWD/sock"
	wait_for watch.err "listening at unix:$PWD/sock"
	printf 'b:1|g' | socat -u - "UNIX-SENDTO:$PWD/sock"
	stop "$pid"
	[ "$(line b)" = $'b\t1\t1\t1\t1\t1' ]
}

@test "an address that is taken" {
	watch
	run --separate-stderr gcwatch -l "$addr"
	[ "$status" -eq 1 ]
	[ "$stderr" = "gcwatch: $addr: Address already in use" ]
}

@test "a reader that has gone ends it quietly" {
	{ gcwatch -v -i 0.1 -l 127.0.0.1:0 2>err; echo "$?" >ended; } | head -n 1 >head &
	addr=$(wait_for err 'listening at') && addr=${addr##* }
	# it finds out when it writes, and it writes only what it hears
	until_true eval 'send "a:1|g"; test -s ended'
	[ "$(cat ended)" -eq 0 ]
	[ "$(wc -l <head)" -eq 1 ]
	run -1 grep -qi pipe err
}

@test "10,000 names and back" {
	watch
	corun - "$addr" <<'LUA'
stat.to(arg[1])
for i = 1, 10000 do
  stat.gauge('name.' .. i, i)
  if i % 100 == 0 then sleep(0.001) end
end
LUA
	stop "$pid"
	[ "$(wc -l <watch.out)" -eq 10000 ]
	[ "$(line name.7777)" = $'name.7777\t1\t7777\t7777\t7777\t7777' ]
}

@test "-j: percentiles of timers and histograms, in a recording too" {
	watch -j -o x.json -o -
	{ for i in {1..100}; do echo "t:$i|ms"; done; echo 'h:7|h|@0.5'; } | socat -u - "UDP:$addr"
	stop "$pid"
	[[ "$(head -n 1 watch.out)" == *'"name":"t","count":100,"min":1,"avg":50.5,"max":100,"last":100,"p50":50,"p95":95,"p99":99}' ]]
	[[ "$(tail -n 1 watch.out)" == *'"name":"h","count":2,"min":7,"avg":7,"max":7,"last":7,"p50":7,"p95":7,"p99":7}' ]]
	[ "$(cat x.json)" = "$(cat watch.out)" ]
}

@test "several -l: udp, udp6 and unix at once" {
	start watch gcwatch -v -l 127.0.0.1:0 -l '[::1]:0' -l "unix:$PWD/sock"
	wait_for watch.err 'listening at unix:'
	local four six
	four=$(grep -oE '127[0-9.:]+' watch.err)
	six=$(grep -oE '\[::1\]:[0-9]+' watch.err)
	printf 'a:1|c' | socat -u - "UDP:$four"
	printf 'a:10|c' | socat -u - "UDP6:$six"
	printf 'a:100|c' | socat -u - "UNIX-SENDTO:$PWD/sock"
	stop "$pid"
	[ "$(line a)" = $'a\t111\t111\t111\t111\t111' ]
}

@test "many datagrams through a unix socket: a sender is never kept waiting for long" {
	start watch gcwatch -v -l "unix:$PWD/sock"
	wait_for watch.err 'listening at unix:'
	# each write is a datagram; ten may wait in the socket
	timeout 5 corun -e 'stat.to(arg[1]) for i = 1, 20000 do stat.count("n") if i % 50 == 0 then coop.yield() end end sleep(0.5)' - "unix:$PWD/sock" </dev/null
	stop "$pid"
	[ "$(line n | cut -f 2)" -eq 20000 ]
}

@test "names are bounded, which is said once; what goes on is heard" {
	watch --names 2 -i 0.2
	until_true eval 'send "a:1|g\nb:1|g\nc:1|g\nd:1|g"; [ "$(wc -l <watch.out)" -ge 6 ]'
	stop "$pid"
	[ "$(cut -f 2 watch.out | sort -u | xargs)" = 'a b' ]
	[ "$(grep -c 'samples were left out: there is room for 2 names' watch.err)" -eq 1 ]
	grep -qE 'summary|2 metrics' watch.err
}

@test "--idle: a silent name is forgotten, and with it a gauge's value" {
	watch -i 0.1 --idle 2
	send 'a:10|g\nhits:1|c'
	until_true eval '[ "$(grep -c hits watch.out)" -eq 3 ]'
	# no more lines: both were forgotten
	sleep 0.3
	[ "$(grep -c hits watch.out)" -eq 3 ]
	send 'a:+1|g'
	until_true eval '[ "$(grep -c "	a	" watch.out)" -eq 2 ]'
	stop "$pid"
	[ "$(line a | tail -n 1)" = $'a\t1\t1\t1\t1\t1' ]
}

@test "--repeat: a silent gauge has lines, with a count of 0" {
	watch -i 0.1 -n 4 --repeat
	send 'a:10|g'
	ended "$pid"
	[ "$(line a | tail -n 1)" = $'a\t0\t10\t10\t10\t10' ]
	[ "$(line a | head -n 1)" = $'a\t1\t10\t10\t10\t10' ]
}

@test "nothing comes: it does not wake up" {
	watch -i 60
	sleep 0.3
	local before after
	before=$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")
	sleep 1.2
	after=$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")
	[ "$after" -eq "$before" ]
	# and when something came, it soon sleeps again
	send 'a:1|g'
	sleep 0.3
	before=$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")
	sleep 1.2
	after=$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")
	[ "$after" -eq "$before" ]
}

@test "what the system dropped is counted, and reported: not one datagram is unaccounted for" {
	watch -i 60 -P
	kill -STOP "$pid"
	# 28 MB, as the system counts: more than any buffer that was asked for
	corun - "$addr" <<'LUA'
local s, line = net.udp('127.0.0.1:0'), 'n:1|c|c:' .. ('x'):rep(1300)
for i = 1, 12000 do s:sendto(line, arg[1]) if i % 100 == 0 then coop.yield() end end
LUA
	kill -CONT "$pid"
	until_true eval 'printf "GET /metrics HTTP/1.0\r\n\r\n" | socat -t 5 - "TCP:$addr" | grep -q "^gcwatch_dropped_datagrams_total [1-9]"'
	stop "$pid"
	local heard dropped
	heard=$(line n | cut -f 2)
	dropped=$(grep -oE '[0-9]+ datagrams were dropped' watch.err | cut -d ' ' -f 1)
	[ "$dropped" -gt 0 ]
	[ "$((heard + dropped))" -eq 12000 ]
}
