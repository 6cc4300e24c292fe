#!/usr/bin/env bats
# corun's command line: options, where the script comes from, output, exit status.

load lib

# refused MESSAGE ARG...: exit status 2, one line that says so, and the usage
refused() {
	local message=$1
	shift
	run -2 --separate-stderr corun "$@"
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "corun: $message" ]
	[[ ${stderr_lines[1]} == 'usage: corun ['* ]]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

# prints WANT ARG...: and nothing on stderr, status 0
prints() {
	local want=$1
	shift
	run -0 --separate-stderr corun "$@"
	[ "$output" = "$want" ]
	[ -z "$stderr" ]
}

@test "-h and --help: a usage on stdout that names every option of the manual page" {
	run -0 --separate-stderr corun -h
	[ -z "$stderr" ]
	[[ ${lines[0]} == 'usage: corun ['* ]]
	local short long n=0
	while read -r short long; do
		[[ $output == *"  -$short, --$long"* ]]
		n=$((n + 1))
	done < <(sed -n 's/^\.It Fl \(.\) , Fl Fl \([a-z-]*\).*/\1 \2/p' "$top/man/corun.1")
	[ "$n" -ge 9 ]
	[ "$(grep -c '^  -' <<<"$output")" = "$n" ]
	[ "$(corun --help)" = "$output" ]
}

@test "-V and --version" {
	run -0 --separate-stderr corun -V
	[[ $output =~ ^corun\ [0-9]+\.[0-9]+\.[0-9]+\ \(.*Lua\ 5\.4 ]]
	[ "${#lines[@]}" -eq 1 ]
	[ "$(corun --version)" = "$output" ]
}

@test "usage errors say what is wrong" {
	refused 'no script: name one, or - for standard input, or use -e'
	refused 'no script: name one, or - for standard input, or use -e' -t -v
	refused 'unknown option -x (corun -h lists them)' -x
	refused 'unknown option --nonsense (corun -h lists them)' --nonsense
	refused 'option -e needs an argument' -e
	refused 'option --require needs an argument' --require
	refused 'option --virtual-time=1 takes no argument' --virtual-time=1 || refused 'option --virtual-time takes no argument' --virtual-time=1
	refused '-G fast: it is inc or gen' -G fast x.lua
	[[ $(corun -M much x.lua 2>&1) == 'corun: -M much'* ]]
	[[ $(corun -M 0 x.lua 2>&1) == 'corun: -M 0'* ]]
	[[ $(corun -s nowhere x.lua 2>&1) == 'corun: '*nowhere* ]]
}

@test "a script's name and arguments, in the table arg and as ..." {
	echo 'print(arg[0], #arg, arg[1], arg[2], arg[-1], ...) print(select("#", ...))' >script.lua
	prints $'script.lua\t2\ta b\t\tcorun\ta b\t\n2' script.lua 'a b' ''
	# what comes after the script is its own, options too; so is what follows --
	prints $'script.lua\t2\t-t\t-h\tcorun\t-t\t-h\n2' script.lua -t -h
	prints $'script.lua\t2\t-x\t--\tcorun\t-x\t--\n2' -- script.lua -x --
	cp script.lua ./-e
	prints $'-e\t0\tnil\tnil\tcorun\n0' -- -e
}

@test "many arguments" {
	echo 'print(#arg, select("#", ...), arg[20000], (select(20000, ...)))' >script.lua
	# shellcheck disable=SC2046 # words are wanted
	prints $'20000\t20000\t20000\t20000' script.lua $(seq 20000)
}

@test "-: the script from standard input" {
	run -0 --separate-stderr corun - a <<<'sleep(0.01) print(arg[0], ...)'
	[ "$output" = $'-\ta' ]
	run -1 --separate-stderr corun - <<<'this is not Lua'
	[[ ${stderr_lines[0]} == 'corun: stdin:1: syntax error'* ]]
}

@test "#! in a script, and a byte order mark" {
	printf '#!%s -t\nsleep(36000) print(arg[0], ...)\n' "$build/corun" >script
	chmod +x script
	run -0 --separate-stderr ./script x
	[ "$output" = $'./script\tx' ]
	printf '#!/usr/bin/env corun\nprint(1)\n' >script
	run -0 ./script
	[ "$output" = 1 ]
	printf '\xef\xbb\xbfprint(2)\n' >bom.lua
	prints 2 bom.lua
}

@test "a precompiled script" {
	echo 'local f = io.open("x.luac", "wb") f:write(string.dump(function(...) sleep(0.01) print(...) end)) f:close()' >compile.lua
	prints '' compile.lua
	prints $'a\tb' x.luac a b
}

@test "-e repeats, in order, before the script; each may block" {
	prints $'1\n2' -e 'sleep(0.02) x = 1 print(x)' --execute 'print(x + 1)'
	echo 'print(y, ...)' >script.lua
	prints $'e\n3\tz' -e 'y = 3' -e 'print("e")' script.lua z
	prints $'corun\tnil' -e 'print(arg[0], arg[1])'
	prints '' -e ''
	# locals of one are not those of the next
	prints nil -e 'local a = 1' -e 'print(a)'
}

@test "-e that fails: what comes after it does not run" {
	run -1 --separate-stderr corun -e 'error("first")' -e 'print("second")'
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = 'corun: (command line):1: first' ]
	run -1 --separate-stderr corun -e 'x x' -e 'print("second")'
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "corun: (command line):1: syntax error near 'x'" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "-l: a module into the global of its name" {
	mkdir m
	echo 'return { name = ... }' >m/one.lua
	echo 'two_ran = true' >m/two.lua
	LUA_PATH="$PWD/m/?.lua" prints $'one\ttrue\ttrue' -l one --require two -e 'print(one.name, two, two_ran)'
	prints $'true\ttrue' -l coop -l string -e 'print(coop == package.loaded.coop, string == package.loaded.string)'
	run -1 --separate-stderr corun -l nowhere -e 'print(1)'
	[ -z "$output" ]
	[[ ${stderr_lines[0]} == "corun: module 'nowhere' not found:"* ]]
}

@test "modules are there, as globals and for require" {
	prints $'true\ttrue\ttrue\ttrue\ttrue' -e 'local t = {} for i, n in ipairs{"coop","net","dns","stat","sip"} do
		t[i] = type(_G[n]) == "table" and require(n) == _G[n] end print(table.unpack(t))'
	prints $'true\ttrue\ttrue\ttrue' -e 'print(spawn == coop.spawn, sleep == coop.sleep, timeout == coop.timeout, schedule == coop.schedule)'
}

@test "-t: ten hours at once, in order" {
	run -0 --separate-stderr timeout 10 corun --virtual-time -e '
		local w = coop.time()
		for i = 10, 1, -1 do spawn(function() sleep(i * 3600) io.write(i, " ") end) end
		sleep(36001) print(coop.now() - 1, coop.time() - w > 36000.9)'
	[ "$output" = $'1 2 3 4 5 6 7 8 9 10 36001.0\ttrue' ]
}

@test "-G: how garbage is collected" {
	prints 'generational' -G gen -e 'print(collectgarbage("incremental"))'
	prints 'incremental' -G inc -e 'print(collectgarbage("generational"))'
	prints 'incremental' -e 'print(collectgarbage("generational"))'
	prints 'generational' --gc=gen -e 'print(collectgarbage("incremental"))'
}

@test "-v: a summary on stderr" {
	run -0 --separate-stderr corun -v -e 'for i = 1, 9 do spawn(sleep, 0.001) end print("out")'
	[ "$output" = out ]
	[[ ${stderr_lines[0]} =~ ^corun:\ 10\ coroutines\ \(10\ at\ once\),\ [0-9]+\ switches,\ [0-9]+\ turns,\ 0\ errors$ ]]
	[[ ${stderr_lines[1]} =~ ^corun:\ 9\ timers,\ late\ by\ at\ most:\ p50\ [0-9.]+\ ms,\ p99\ [0-9.]+\ ms,\ max\ [0-9.]+\ ms$ ]]
	[[ ${stderr_lines[2]} =~ ^corun:\ [0-9.]+\ KiB\ of\ Lua\ memory ]]
	run -1 --separate-stderr corun --verbose -e 'error("x", 0)'
	[[ $stderr == *'1 coroutines (1 at once)'*', 1 errors'* ]]
	run -3 --separate-stderr corun -v -e 'os.exit(3)'
	[[ $stderr == *'1 coroutines'* ]]
}

@test "a script that is not there, is a directory, or does not compile" {
	run -1 --separate-stderr corun nowhere.lua
	[ -z "$output" ]
	[ "$stderr" = 'corun: cannot open nowhere.lua: No such file or directory' ]
	mkdir dir
	run -1 --separate-stderr corun dir
	[[ $stderr == 'corun: cannot read dir'* ]]
	printf 'print(1)\nif then\n' >bad.lua
	run -1 --separate-stderr corun bad.lua
	[ -z "$output" ]
	[ "$stderr" = "corun: bad.lua:2: unexpected symbol near 'then'" ]
}

@test "os.exit: its status, from any coroutine, with what was written before" {
	run -7 --separate-stderr corun -e 'spawn(function() io.write("written") os.exit(7) end) sleep(100)'
	[ "$output" = written ]
	[ -z "$stderr" ]
	prints x -e 'io.write("x") os.exit(true)'
	run -1 --separate-stderr corun -e 'os.exit(false)'
	[ -z "$stderr" ]
	run -0 corun -e 'os.exit()' -e 'print("not reached")'
	[ -z "$output" ]
	run -4 corun -e 'coroutine.wrap(function() pcall(function() os.exit(4) end) end)() print("not reached")'
	[ -z "$output" ]
	run -5 corun -e 'table.sort({ 2, 1 }, function() io.write("flushed") os.exit(5) end)'
	[ "$output" = flushed ]
	run -6 --separate-stderr corun -e 'spawn(error, "before") coop.yield() os.exit(6)'
	[[ $stderr == 'corun: before'* ]]
}

@test "os.exit: <close> variables of all coroutines run" {
	run -0 --separate-stderr corun -e '
		local function closer(name) return setmetatable({}, { __close = function() print(name) end }) end
		spawn(function() local _ <close> = closer("other") sleep(100) end)
		coop.yield()
		local _ <close> = closer("self")
		os.exit(0, true)'
	[ "$(sort <<<"$output")" = $'other\nself' ]
}

@test "a line arrives while the program waits" {
	mkfifo pipe
	start out corun -e 'print("line") io.write("and no newline") sleep(100)'
	wait_for out.out '^line$'
	wait_for out.out 'and no newline'
	start busy corun -e 'print("early") while true do coop.yield() sleep(0.001) end'
	wait_for busy.out early
}

@test "a reader that has gone ends it quietly" {
	run -0 --separate-stderr bash -c 'set -o pipefail; corun -e "for i = 1, 1e6 do print(i) end" | head -n 1'
	[ "$output" = 1 ]
	[ -z "$stderr" ]
	run -0 --separate-stderr bash -c 'set -o pipefail; timeout 20 corun -e "while true do print(1) sleep(0.001) end" | head -n 1'
	[ "$output" = 1 ]
	[ -z "$stderr" ]
}

@test "output that cannot be written is an error" {
	run -1 --separate-stderr bash -c 'exec corun -e "print(1)" >/dev/full'
	[[ $stderr == 'corun: stdout: write error' ]]
	# it is told at once, and once
	run -1 --separate-stderr bash -c 'exec corun -e "io.write(1) sleep(0.01) io.stderr:write(\"later\\n\") print(2)" >/dev/full'
	[ "$stderr" = $'corun: stdout: No space left on device\nlater' ]
}

@test "no descriptors at all" {
	run -0 --separate-stderr bash -c 'exec corun -e "sleep(0.01)" <&- >&- 2>&-'
}

@test "COOP_POLLER: one that does not exist" {
	export COOP_POLLER=select
	refused 'COOP_POLLER=select: it is epoll or poll' -e 'print(1)'
	COOP_POLLER=poll prints 1 -e 'sleep(0.01) print(1)'
}
