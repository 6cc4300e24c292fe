#!/usr/bin/env bats
# A command, or a process, is watched.
load lib

@test "a command: its output, its exit status, its memory and CPU" {
	run --separate-stderr gcwatch sh -c 'echo out; echo err >&2; sleep 0.3; exit 7'
	[ "$status" -eq 7 ]
	[ "$output" = out ]
	[ "$(head -n 1 <<<"$stderr")" = err ]
	[[ $stderr =~ [0-9]$'\tproc.rss\t'[0-9] ]]
	[[ $stderr =~ [0-9]$'\tproc.cpu\t'[0-9] ]]
}

@test "a command that ends at once has its figures too" {
	run --separate-stderr gcwatch true
	[ "$status" -eq 0 ]
	[[ $stderr =~ $'\tproc.rss\t1\t'[1-9] ]]
}

@test "a command that is ended by a signal" {
	run gcwatch sh -c 'kill -KILL $$'
	[ "$status" -eq 137 ]
}

@test "a command that is not there, or none" {
	run -127 --separate-stderr gcwatch ./not-there
	[ "$stderr" = 'gcwatch: ./not-there: No such file or directory' ]
	run --separate-stderr gcwatch /etc/passwd
	[ "$status" -eq 126 ]
	[ "$stderr" = 'gcwatch: /etc/passwd: Permission denied' ]
}

@test "options after the command are the command's" {
	run --separate-stderr gcwatch -- echo -n -o x.foo
	[ "$status" -eq 0 ]
	[ "$output" = '-o x.foo' ]
	run --separate-stderr gcwatch echo -g
	[ "$output" = -g ]
}

@test "COOP_STATSD tells the command where to report; two can run at once" {
	run --separate-stderr gcwatch gcwatch sh -c 'echo $COOP_STATSD'
	[ "$status" -eq 0 ]
	[[ $output =~ ^127\.0\.0\.1:[0-9]+$ ]]
	run --separate-stderr gcwatch -l "unix:$PWD/s" sh -c 'echo $COOP_STATSD'
	[ "$output" = "unix:$PWD/s" ]
}

@test "with -l 0.0.0.0 the command is told an address that it can send to" {
	run --separate-stderr gcwatch -l 0.0.0.0:0 sh -c 'echo $COOP_STATSD'
	[[ $output =~ ^127\.0\.0\.1:[1-9] ]]
}

@test "a script's own metrics" {
	run --separate-stderr gcwatch corun -e 'stat.gauge("x.a", 5) stat.gauge("x.a", -7) stat.count("x.n", 3) stat.timing("x.t", 0.25)'
	[ "$status" -eq 0 ]
	[[ $stderr =~ $'\tx.a\t2\t-7\t-1\t5\t-7' ]]
	[[ $stderr =~ $'\tx.n\t3\t3\t3\t3\t3' ]]
	[[ $stderr =~ $'\tx.t\t1\t250\t250\t250\t250' ]]
}

@test "corun's gauges: memory, coroutines, descriptors" {
	echo 'for i = 1, 9 do spawn(sleep, 0.5) end' >swarm.lua
	run --separate-stderr gcwatch corun swarm.lua
	[ "$status" -eq 0 ]
	local name
	for name in gc co ready timers fds late rss; do
		[[ $stderr =~ $'\t'swarm.$name$'\t1\t'[0-9] ]]
	done
	[[ $stderr =~ $'\t'swarm.rss$'\t1\t'[0-9]{7} ]]
}

@test "memory that a child of the command takes is seen" {
	run --separate-stderr gcwatch -i 60 -m proc.rss sh -c 'corun -e "x = (\"x\"):rep(50 * 2^20) sleep(0.7)"; sleep 0.3'
	[ "$(cut -f 6 <<<"$stderr")" -gt $((50 << 20)) ]
	[ "$(cut -f 4 <<<"$stderr")" -lt $((50 << 20)) ]
}

@test "a peak that no look could see is in the interval's maximum" {
	# 60 MB for the moment between two looks, in each interval
	run --separate-stderr gcwatch -i 0.4 -m proc.rss corun -e 'for i = 1, 4 do sleep(0.3) local s = ("x"):rep(60 * 2^20) s = nil collectgarbage() end'
	[ "$status" -eq 0 ]
	# each interval begins anew: none but those in which it happened has it
	[ "$(cut -f 6 <<<"$stderr" | awk '$1 > 60 * 2^20' | wc -l)" -ge 2 ]
	[ "$(head -n 1 <<<"$stderr" | cut -f 4)" -lt $((20 << 20)) ]
}

@test "PSS, descriptors and threads, once an interval" {
	run --separate-stderr gcwatch -i 0.3 sleep 1
	local name
	for name in pss fds threads; do
		[[ $stderr =~ $'\tproc.'$name$'\t'[0-9]+$'\t'[1-9] ]]
	done
	# sleep shares its libraries with others: PSS is less
	awk -F'\t' '$2 == "proc.pss" { pss = $7 } $2 == "proc.rss" { rss = $6 } END { exit !(pss > 0 && pss < rss) }' <<<"$stderr"
}

@test "CPU time is in percent" {
	run --separate-stderr gcwatch -i 60 -m proc.cpu sh -c 'corun -e "while os.clock() < 0.5 do end"; sleep 0.5'
	local max
	max=$(cut -f 6 <<<"$stderr")
	[ "${max%.*}" -ge 1 ]
	[ "${max%.*}" -le 200 ]
	[ "$(cut -f 7 <<<"$stderr" | cut -d . -f 1)" -le 20 ]
}

@test "SIGTERM is passed on; the command decides" {
	start watch gcwatch sh -c 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.05; done'
	wait_for watch.out ready
	stop "$pid"
	[ "$status" -eq 9 ]
	[ "$(tail -n 1 watch.out)" = caught ]
	grep -q proc.rss watch.err
}

@test "-n ends the command" {
	run --separate-stderr gcwatch -i 0.2 -n 2 sleep 30
	[ "$status" -eq 143 ]
}

@test "-p: a process that runs already, until it ends" {
	start sleeper sleep 1
	run --separate-stderr gcwatch -i 0.3 -p "$pid"
	[ "$status" -eq 0 ]
	[ "$(grep -c $'\tproc.rss\t' <<<"$output")" -ge 2 ]
	run --separate-stderr gcwatch -p "$pid"
	[ "$status" -eq 1 ]
	[ "$stderr" = "gcwatch: process $pid: No such process" ]
}

@test "-o instead of stderr; -o - is stdout" {
	run --separate-stderr gcwatch -o log.tsv -o - -o log.json true
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$output" = "$(cat log.tsv)" ]
	grep -q '^{"epoch":.*"name":"proc.rss"' log.json
}

@test "a full disk is said, and the command's status kept" {
	ln -s /dev/full full.tsv
	run --separate-stderr gcwatch -o full.tsv true
	[ "$status" -eq 1 ]
	[[ $stderr =~ 'gcwatch: full.tsv: No space left on device' ]]
	run --separate-stderr gcwatch -o full.tsv sh -c 'exit 5'
	[ "$status" -eq 5 ]
}
