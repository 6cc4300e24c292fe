# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# The command line of corun, where its scripts come from, and where its output goes.
load lib

usage='usage: corun [-htVv] [-e chunk] [-G inc|gen] [-l module] [-M bytes] [-q ms] [-s statsd] [-w workers] [script [arg ...]]'

# refused MESSAGE corun-argument...
refused() {
	local message=$1
	shift
	run --separate-stderr corun "$@"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	diff <(printf 'corun: %s\n%s\n' "$message" "$usage") <(echo "$stderr")
}

# prints TEXT corun-argument...: that, and nothing else, with exit status 0
prints() {
	local text=$1
	shift
	run --separate-stderr corun "$@"
	[ "$status" -eq 0 ]
	diff <(echo "$text") <(echo "$output")
	[ -z "$stderr" ]
}

@test "-h, -V and their long twins" {
	for option in -h --help; do
		run --separate-stderr corun $option
		[ "$status" -eq 0 ]
		[ "${lines[0]}" = "$usage" ]
		[ -z "$stderr" ]
	done
	# every option of the usage is explained
	for option in e G l M s t v h V; do
		grep -q "^  -$option, --" <<<"$output"
	done
	for option in -V --version; do
		run --separate-stderr corun $option
		[ "$status" -eq 0 ]
		[[ $output =~ ^'corun '[0-9]+\.[0-9]+\.[0-9]+' (Lua 5.4'.*')'$ ]]
	done
}

@test "wrong usage: what is wrong, then the usage" {
	refused 'no script: name one, or - for standard input, or use -e'
	refused 'unknown option -Z (corun -h lists them)' -Z
	refused 'unknown option --zzz (corun -h lists them)' --zzz
	refused 'option -e needs an argument' -e
	refused 'option --require needs an argument' --require
	refused 'option --virtual-time takes no argument' --virtual-time=1
	refused '-G fast: it is inc or gen' -G fast -e ''
	refused '-M lots: a number of bytes is wanted, such as 65536, 64K, 64M, 1G' -M lots -e ''
	run --separate-stderr corun -M 10 -e ''
	[ "$status" -eq 2 ]
	run --separate-stderr corun -s nowhere:x -e ''
	[ "$status" -eq 2 ]
	[[ $stderr == 'corun: -s nowhere:x: '*$'\n'"$usage" ]]
	COOP_STATSD=nowhere:x run --separate-stderr corun -e ''
	[ "$status" -eq 2 ]
	[[ $stderr == 'corun: COOP_STATSD nowhere:x: '* ]]
}

@test "-e: more than once, in order, before the script" {
	echo 'print(x, ...)' >x.lua
	prints $'1\n2' -e 'print(1)' -e 'print(2)'
	prints $'5\ta\tb' -e 'x = 4' --execute 'x = x + 1' x.lua a b
	prints 1 -e 'sleep(0.01)' -e 'print(1)'
}

@test "-e: each is a chunk of its own" {
	run --separate-stderr corun -e 'local a = 1' -e 'print(a)'
	[ "$output" = nil ]
}

@test "-l: requires into a global" {
	echo 'return { name = ... }' >mine.lua
	echo 'print(mine.name)' >x.lua
	prints mine -l mine x.lua
	prints mine --require=mine -e 'print(mine.name)'
	prints nil -e 'print(mine)' -l mine
	run --separate-stderr corun -l not.there -e 'print(1)'
	[ "$status" -eq 1 ]
	[[ $stderr == "corun: module 'not.there' not found"* ]]
}

@test "the script: its arguments, its name, its end of options" {
	echo 'print(arg[-1] and true, arg[0], #arg, ...)' >x.lua
	prints $'true\tx.lua\t3\t-e\t--\t-h' x.lua -e -- -h
	prints $'true\tx.lua\t1\t-v' -- x.lua -v
	echo 'print(arg[-2], arg[-1], arg[0], arg[1])' >y.lua
	prints $'-e\ta = 1\ty.lua\tb' -t -e 'a = 1' y.lua b
	echo 'print(arg[0])' >-x.lua
	prints -x.lua -- -x.lua
	prints "$(command -v corun)" -e 'print((arg[0]:gsub("^corun$", io.popen("command -v corun"):read())))'
}

@test "from standard input" {
	run --separate-stderr corun - a b <<<'print(arg[0], ...)'
	[ "$status" -eq 0 ]
	[ "$output" = $'-\ta\tb' ]
}

@test "#! at its beginning" {
	printf '#!/usr/bin/env corun\nsleep(0.01) print("ran", ...)\n' >x
	chmod +x x
	run --separate-stderr ./x y
	[ "$status" -eq 0 ]
	[ "$output" = $'ran\ty' ]
}

@test "a script that is not there, or is none" {
	run --separate-stderr corun not-there.lua
	[ "$status" -eq 1 ]
	[ "$stderr" = 'corun: cannot open not-there.lua: No such file or directory' ]
	run --separate-stderr corun .
	[ "$status" -eq 1 ]
	[[ $stderr == 'corun: cannot read .'* ]]
	echo 'x = = 1' >x.lua
	run --separate-stderr corun x.lua
	[ "$status" -eq 1 ]
	[ "$stderr" = "corun: x.lua:1: unexpected symbol near '='" ]
	run --separate-stderr corun -e 'print(1)' -e 'x ='
	[ "$status" -eq 1 ]
	[ "$output" = 1 ]
	[ "$stderr" = 'corun: (command line):1: unexpected symbol near <eof>' ]
	head -c 10000 /dev/urandom >x.lua
	run -1 --separate-stderr corun x.lua
}

@test "-t: hours pass in no time, in order" {
	run --separate-stderr timeout 5 corun -t -e 'spawn(function() sleep(7200) print "two" end)' -e 'sleep(3600) print "one"'
	[ "$status" -eq 0 ]
	[ "$output" = $'one\ntwo' ]
	run --separate-stderr timeout 5 corun --virtual-time -e 'local t = coop.now() sleep(36000) print(coop.now() - t)'
	[ "$output" = 36000.0 ]
}

@test "without -t a second is a second" {
	local start=${EPOCHREALTIME/./}
	run --separate-stderr corun -e 'sleep(0.3) print(1)'
	[ $((${EPOCHREALTIME/./} - start)) -ge 300000 ]
	[ "$output" = 1 ]
}

@test "-G: which collector" {
	# collectgarbage tells what it was before
	prints incremental -e 'print(collectgarbage("generational"))'
	prints incremental -G inc -e 'print(collectgarbage("generational"))'
	prints generational --gc=gen -e 'print(collectgarbage("incremental"))'
}

@test "-M: too much memory is an error of the script that it can catch" {
	run --separate-stderr corun -M 4M -e 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end'
	[ "$status" -eq 1 ]
	[ "${stderr%%$'\n'*}" = 'corun: not enough memory' ]
	prints $'false\tnot enough memory\nand on' -M 4M -e 'print(pcall(string.rep, "x", 8 * 1024 * 1024))' -e 'print "and on"'
	# the others go on
	run --separate-stderr corun --memory 4M -e 'spawn(function() local t = {} while true do t[#t + 1] = {} end end)' \
		-e 'sleep(0.01) print(#("x"):rep(100000))'
	[ "$status" -eq 1 ]
	[ "$output" = 100000 ]
	# garbage is none
	prints ended -M 4M -e 'for i = 1, 20000 do local s = ("x"):rep(1000) .. i end print "ended"'
	prints ended -M 4M -G gen -e 'for i = 1, 20000 do local s = ("x"):rep(1000) .. i end print "ended"'
	# nor are coroutines that have ended
	prints ended -M 8M -e 'for i = 1, 30000 do spawn(function() end) if i % 100 == 0 then coop.yield() end end print "ended"'
}

@test "-v: a summary at the end" {
	run --separate-stderr corun -v -t -e 'for i = 1, 99 do spawn(sleep, 1) end spawn(error, "x", 0)'
	[ "$status" -eq 1 ]
	grep -q '^corun: 101 coroutines (101 at once), [0-9]* switches, [0-9]* turns, 1 errors$' <<<"$stderr"
	grep -q '^corun: 99 timers, late by at most: p50 0.000 ms, p99 0.000 ms, max 0.000 ms$' <<<"$stderr"
	grep -qE '^corun: [0-9]+\.[0-9] KiB of Lua memory at the end, [0-9]+\.[0-9] KiB at most; [0-9]+ collections while idle: [0-9.]+ ms in all, no step over [0-9.]+ ms$' <<<"$stderr"
	run --separate-stderr corun --verbose -e 'sleep(0.02) os.exit(3)'
	[ "$status" -eq 3 ]
	grep -q '^corun: 1 coroutines (1 at once)' <<<"$stderr"
}

@test "-v: the line that holds up all others is named, once" {
	cat >slow.lua <<-'LUA'
		spawn(function()
		  coroutine.wrap(function()
		    local begun = coop.now()
		    while coop.now() - begun < 0.5 do end
		  end)()
		end)
		sleep(0.01)
		-- where it cannot wait alone
		table.sort({ 2, 1 }, function(a, b)
		  os.execute('sleep 0.3')
		  return a < b
		end)
		sleep(0.01)
	LUA
	run --separate-stderr corun -v slow.lua
	[ "$status" -eq 0 ]
	grep -q '^corun: slow.lua:4: nobody else has run for more than 100 ms$' <<<"$stderr"
	grep -q '^corun: slow.lua:10: nobody else has run for more than 100 ms$' <<<"$stderr"
	grep -q '^corun: 2 times nobody else ran for more than 100 ms$' <<<"$stderr"
	# with -q it is pre-empted before that, so that others run
	run --separate-stderr corun -v -q 5 -e 'local n = 0 spawn(function() while true do n = n + 1 sleep(0.001) end end)
		local begun = os.clock() while os.clock() - begun < 0.3 do end os.exit(n > 5)'
	[ "$status" -eq 0 ]
	run --separate-stderr corun -e 'local begun = os.clock() while os.clock() - begun < 0.3 do end'
	[ "$stderr" = "" ]
}

@test "-s and COOP_STATSD: gauges once a second" {
	cat >sink.lua <<-'LUA'
		local s = assert(net.udp('127.0.0.1:0'))
		print(s:localaddr())
		local seen, names = {}, { 'x.gc', 'x.co', 'x.ready', 'x.timers', 'x.fds', 'x.late', 'x.rss' }
		-- the first may come before the others have started
		repeat
		  for name, value in assert(s:recvfrom(8)):gmatch('([^\n:]+):([^|\n]+)|g') do seen[name] = value end
		until seen['x.co'] == '5'
		for _, name in ipairs(names) do assert(tonumber(seen[name]), name) end
		print('co ' .. seen['x.co'])
	LUA
	echo 'for i = 1, 4 do spawn(sleep, 3) end sleep(3)' >x.lua
	start sink corun sink.lua
	addr=$(wait_for sink.out 127)
	start x corun -s "$addr" x.lua
	wait_for sink.out '^co 5$'
	stop "$pid"
	start sink corun sink.lua
	addr=$(wait_for sink.out 127)
	COOP_STATSD=$addr start x corun x.lua
	wait_for sink.out '^co 5$'
}

@test "output reaches a pipe when the loop idles" {
	mkfifo out
	corun -e 'io.write "first\n" sleep(30) print "second"' >out 3>&- &
	pids+=($!)
	read -r -t 5 line <out
	[ "$line" = first ]
}

@test "a closed standard output ends it quietly" {
	run bash -o pipefail -c "corun -e 'while true do print(1) coop.yield() end' 2>err | head -n 1"
	[ "$output" = 1 ]
	[ ! -s err ]
	run bash -o pipefail -c "corun -e 'for i = 1, 1e6 do print(i) end' 2>err | head -n 1"
	[ "$output" = 1 ]
	[ ! -s err ]
	run bash -o pipefail -c "corun -e 'while true do print(1) sleep(0.001) end' 2>err | head -n 1"
	[ "$output" = 1 ]
	[ ! -s err ]
}

@test "a full disk is said, and the exit status is 1" {
	run --separate-stderr bash -c "corun -e 'print(1)' >/dev/full"
	[ "$status" -eq 1 ]
	[[ $stderr == 'corun: stdout: '* ]]
	run --separate-stderr bash -c "corun -e 'print(1) os.exit(7)' >/dev/full"
	[ "$status" -eq 7 ]
}

@test "each poller by its name" {
	for poller in epoll poll; do
		COOP_POLLER=$poller prints 1 -e 'sleep(0.01) print(1)'
	done
	COOP_POLLER=kqueue run --separate-stderr corun -e 'print(1)'
	[ "$status" -eq 2 ]
	[ "$stderr" = "corun: COOP_POLLER=kqueue: it is epoll or poll
$usage" ]
}

@test "the usage and the manual page have the same options" {
	diff <(corun -h | sed -n 's/^  -\(.\), --\([a-z-]*\).*/\1 \2/p' | sort) \
		<(sed -n 's/^\.It Fl \(.\) , Fl Fl \([a-z-]*\).*/\1 \2/p' "$top/man/corun.1" | sort)
	[ "$(corun -h | grep -c '^  -')" -ge 9 ]
}

@test "twenty thousand arguments" {
	echo 'print(#arg, select("#", ...), arg[20000], (select(20000, ...)))' >x.lua
	# shellcheck disable=SC2046 # words are wanted
	prints $'20000\t20000\t20000\t20000' x.lua $(seq 20000)
}

@test "a script with an option in its first line, a byte order mark, or no text at all" {
	printf '#!%s -t\nsleep(36000) print(arg[0], ...)\n' "$(command -v corun)" >x
	chmod +x x
	run -0 --separate-stderr timeout 5 ./x y
	[ "$output" = $'./x\ty' ]
	printf '\xef\xbb\xbfprint(2)\n' >bom.lua
	prints 2 bom.lua
	prints '' -e 'local f = io.open("x.luac", "wb") f:write(string.dump(function(...) sleep(0.01) print(...) end)) f:close()'
	prints $'a\tb' x.luac a b
	: >empty.lua
	prints '' empty.lua
}

@test "-e that fails: nothing after it runs, but what it started" {
	run --separate-stderr corun -e 'spawn(print, "started") error("first", 0)' -e 'print("second")'
	[ "$status" -eq 1 ]
	[ "$output" = started ]
	[ "${stderr%%$'\n'*}" = 'corun: first' ]
}

@test "the modules are there, as globals and for require" {
	prints $'true\ttrue\ttrue\ttrue\ttrue' -e 'local t = {} for i, n in ipairs{"coop","net","dns","stat","sip"} do
		t[i] = type(_G[n]) == "table" and require(n) == _G[n] end print(table.unpack(t))'
	prints $'true\ttrue\ttrue\ttrue' -e 'print(spawn == coop.spawn, sleep == coop.sleep, timeout == coop.timeout, schedule == coop.schedule)'
}

@test "what cannot be written is told once, and as soon as it is known" {
	run --separate-stderr bash -c 'exec corun -e "io.write(1) sleep(0.01) io.stderr:write(\"later\\n\") print(2)" >/dev/full'
	[ "$status" -eq 1 ]
	[ "$stderr" = $'corun: stdout: No space left on device\nlater' ]
}

@test "started without a single descriptor: its own are not taken for them" {
	run -0 bash -c 'exec corun -e "sleep(0.01) assert(net.udp([[127.0.0.1:0]]))" <&- >&- 2>&-'
	# there is no standard output: what is printed is lost, and the exit status says so
	for poller in epoll poll; do
		COOP_POLLER=$poller run -1 bash -c \
			'exec corun -e "local s = net.udp([[127.0.0.1:0]]) print(1) assert(s:recvfrom(0.05) == nil)" <&- >&- 2>&-'
	done
}
