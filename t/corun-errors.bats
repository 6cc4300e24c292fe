# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# What goes wrong in a script: tracebacks, exit status, deadlocks.
load lib

# says STATUS STDOUT STDERR corun-argument...
says() {
	local want=$1 out=$2 err=$3
	shift 3
	run --separate-stderr corun "$@"
	[ "$status" -eq "$want" ]
	diff <(echo "$out") <(echo "$output")
	diff <(echo "$err") <(echo "$stderr")
}

@test "an error ends its coroutine, the others run on, the exit status is 1" {
	cat >x.lua <<-'LUA'
		local function fetch(name) sleep(1) error('no ' .. name) end
		spawn(fetch, 'tea')
		sleep(2)
		print('still here')
	LUA
	says 1 'still here' "corun: x.lua:1: no tea
stack traceback:
	[C]: in function 'error'
	x.lua:1: in function <x.lua:1>" -t x.lua
}

@test "an error in the script itself: what it started runs on" {
	cat >x.lua <<-'LUA'
		spawn(function() sleep(1) print('later') end)
		local t = nil
		t.x = 1
	LUA
	says 1 later "corun: x.lua:3: attempt to index a nil value (local 't')
stack traceback:
	x.lua:3: in main chunk
	[C]: in ?" -t x.lua
}

@test "the traceback goes through generators, to where the error arose" {
	cat >x.lua <<-'LUA'
		local function deep() sleep(0.01) error('deep down') end
		local inner = coroutine.wrap(function() deep() end)
		local outer = coroutine.wrap(function() inner() end)
		outer()
	LUA
	run --separate-stderr corun x.lua
	[ "$status" -eq 1 ]
	[ "${stderr%%$'\n'*}" = 'corun: x.lua:4: x.lua:3: x.lua:1: deep down' ]
	# each level, from the innermost out
	[ "$(grep -oE 'x.lua:[0-9]: in .*' <<<"$stderr")" = "x.lua:1: in upvalue 'deep'
x.lua:2: in function <x.lua:2>
x.lua:3: in function <x.lua:3>
x.lua:4: in main chunk" ]
}

@test "error values that are no strings" {
	run --separate-stderr corun -e 'error({})'
	[ "$status" -eq 1 ]
	[ "${stderr%%$'\n'*}" = 'corun: (error object is a table value)' ]
	run --separate-stderr corun -e 'error(setmetatable({}, { __tostring = function() return "so-called" end }))'
	[ "${stderr%%$'\n'*}" = 'corun: so-called' ]
	run --separate-stderr corun -e 'error()'
	[ "$stderr" = "corun: (error object is a nil value)
stack traceback:
	[C]: in function 'error'
	(command line):1: in main chunk
	[C]: in ?" ]
	run --separate-stderr corun -e 'error(42)'
	[ "${stderr%%$'\n'*}" = 'corun: 42' ]
	run --separate-stderr corun -e 'error(setmetatable({}, { __tostring = function() error("worse") end }))'
	[ "$status" -eq 1 ]
	[ "${stderr%%$'\n'*}" = 'corun: (error object is a table value)' ]
	[[ $stderr == *'in main chunk'* ]]
	run --separate-stderr corun -e 'local e = setmetatable({}, { __tostring = error }) local ok, got = coop.join(spawn(error, e)) print(ok, rawequal(e, got))'
	[ "$output" = $'false\ttrue' ]
}

@test "an error in __close of a coroutine that returns or fails" {
	run --separate-stderr corun -e 'spawn(function() local x <close> = setmetatable({}, { __close = function() error("at the end", 0) end }) end)' \
		-e 'sleep(0.01) print "on"'
	[ "$status" -eq 1 ]
	[ "$output" = on ]
	[ "${stderr%%$'\n'*}" = 'corun: at the end' ]
	run --separate-stderr corun -e 'local x <close> = setmetatable({}, { __close = function(_, e) error(e .. ", then more", 0) end }) error("first", 0)'
	[ "$status" -eq 1 ]
	[ "$(grep '^corun: ' <<<"$stderr")" = $'corun: first\ncorun: error in __close: first, then more' ]
}

@test "an error in __close of one that is cancelled is reported, too, and harms nobody" {
	cat >x.lua <<-'LUA'
		local function guard() return setmetatable({}, { __close = function() error('no', 0) end }) end
		local co = spawn(function()
		  local x <close> = guard()
		  if arg[1] then coroutine.wrap(function() local y <close> = guard() sleep(9) end)() end
		  sleep(9)
		end)
		coop.yield()
		print(coop.cancel(co))
		print(coop.join(co))
	LUA
	says 1 $'true\nfalse\tcancelled' 'corun: error in __close: no' x.lua
	says 1 $'true\nfalse\tcancelled' $'corun: error in __close: no\ncorun: error in __close: no' x.lua generator
}

@test "many errors: each is reported" {
	run --separate-stderr corun -e 'for i = 1, 50 do spawn(error, "number " .. i, 0) end'
	[ "$status" -eq 1 ]
	[ "$(grep -c '^corun: number ' <<<"$stderr")" -eq 50 ]
}

@test "an error that is caught, or joined, or a group's" {
	run --separate-stderr corun -e 'print(pcall(error, "x", 0))'
	[ "$status" -eq 0 ]
	[ "$output" = $'false\tx' ]
	# a joiner hears of it, and so does the world
	run --separate-stderr corun -e 'print(coop.join(spawn(error, "x", 0)))'
	[ "$status" -eq 1 ]
	[ "$output" = $'false\tx' ]
	run --separate-stderr corun -e 'print(pcall(function() local g <close> = coop.group() g:spawn(error, "x", 0) g:wait() end))'
	[ "$status" -eq 0 ]
	[ "$output" = $'false\tx' ]
}

@test "stack overflow, and endless recursion through generators" {
	run --separate-stderr corun -e 'local function f() return 1 + f() end f()'
	[ "$status" -eq 1 ]
	[[ $stderr == *'stack overflow'* ]]
	run --separate-stderr corun -e 'local function f() return coroutine.wrap(f)() end f()'
	[ "$status" -eq 1 ]
	[[ $stderr == *'C stack overflow'* ]]
}

@test "deadlock: how many, where each of them waits" {
	cat >x.lua <<-'LUA'
		local ch = coop.channel()
		spawn(function() ch:get() end)
		spawn(function() coroutine.wrap(function() coop.semaphore(0):acquire() end)() end)
		print 'before'
		coroutine.yield()
	LUA
	run --separate-stderr corun x.lua
	[ "$status" -eq 1 ]
	[ "$output" = before ]
	[ "${stderr%%$'\n'*}" = 'corun: deadlock: 3 coroutines wait for what can never come' ]
	[[ $stderr =~ 'channel get, for 0.0 s'$'\nstack traceback:\n'.*'x.lua:2' ]]
	[[ $stderr =~ 'semaphore acquire, for 0.0 s'$'\nstack traceback:\n'.*'x.lua:3' ]]
	[[ $stderr =~ 'coroutine.yield, for 0.0 s'$'\nstack traceback:\n'.*'x.lua:5: in main chunk' ]]
}

@test "deadlock: since how long each of them waits" {
	run --separate-stderr corun -t -e 'spawn(function() sleep(50) coroutine.yield() end) spawn(function() coop.channel():get() end)'
	[ "$status" -eq 1 ]
	[[ $stderr =~ 'coroutine.yield, for 0.0 s' ]]
	[[ $stderr =~ 'channel get, for 50 s' ]]
}

@test "no deadlock: a timer or a socket may still wake" {
	run --separate-stderr corun -t -e 'timeout(3600) print(coroutine.yield())'
	[ "$status" -eq 0 ]
	[ "$output" = $'nil\ttimeout' ]
	run --separate-stderr timeout 0.5 corun -e 'net.udp("127.0.0.1:0"):recvfrom()'
	[ "$status" -ne 1 ]
	[ -z "$stderr" ]
}

@test "deadlock runs <close> too" {
	run --separate-stderr corun -e 'local x <close> = setmetatable({}, { __close = function() print "closed" end }) coroutine.yield()'
	[ "$status" -eq 1 ]
	[ "$output" = closed ]
}

@test "os.exit: its status, from wherever; what was printed is written, others do not run on" {
	local code
	for code in 0 1 7 255; do
		run --separate-stderr corun -e "io.write('text') os.exit($code)"
		[ "$status" -eq "$code" ]
		[ "$output" = text ]
		[ -z "$stderr" ]
	done
	run -0 corun -e 'os.exit()'
	run -0 corun -e 'os.exit(true)'
	run -1 corun -e 'os.exit(false)'
	run --separate-stderr corun -e 'spawn(function() sleep(0.01) io.write("mid") os.exit(3) print("never") end)' -e 'sleep(9) print("never")'
	[ "$status" -eq 3 ]
	[ "$output" = mid ]
	[ -z "$stderr" ]
	run --separate-stderr corun -e 'coroutine.wrap(function() io.write("gen") os.exit(4) end)() print("never")'
	[ "$status" -eq 4 ]
	[ "$output" = gen ]
	run --separate-stderr corun -e 'io.write("in C") table.sort({ 2, 1 }, function() os.exit(5) end)'
	[ "$status" -eq 5 ]
	[ "$output" = 'in C' ]
}

@test "os.exit goes before an error and runs <close>" {
	run --separate-stderr corun -e 'spawn(error, "x", 0)' -e 'sleep(0.01) os.exit(0)'
	[ "$status" -eq 0 ]
	[ "${stderr%%$'\n'*}" = 'corun: x' ]
	run --separate-stderr corun -e 'local x <close> = setmetatable({}, { __close = function() print "closed" end }) os.exit(2)'
	[ "$status" -eq 2 ]
	[ "$output" = closed ]
}

@test "os.exit runs <close> of every coroutine" {
	run -0 --separate-stderr corun -e '
		local function closer(name) return setmetatable({}, { __close = function() print(name) end }) end
		spawn(function() local _ <close> = closer("other") sleep(100) end)
		coop.yield()
		local _ <close> = closer("self")
		os.exit(0, true)'
	[ "$(sort <<<"$output")" = $'other\nself' ]
	[ -z "$stderr" ]
}

@test "a thread that was cancelled inside of xpcall tells the next one's error as it is" {
	cat >x.lua <<-'LUA'
		for _, f in ipairs {
		  function() xpcall(sleep, print, 10) end,
		  function() local g <close> = coop.group() g:spawn(sleep, 10) g:wait() end,
		} do
		  local co = {}
		  for i = 1, 20 do co[i] = spawn(f) end
		  coop.yield() coop.yield()
		  for i = 1, 20 do coop.cancel(co[i]) end
		  for i = 1, 60 do print(coop.join(spawn(error, 'plain', 0))) end
		end
	LUA
	run --separate-stderr timeout 20 corun x.lua
	[ "$status" -eq 1 ]
	[ "$(sort -u <<<"$output")" = $'false\tplain' ]
	[ "$(grep -c '^corun: plain$' <<<"$stderr")" -eq 120 ]
}

@test "a thread in whose hook there was an error can be interrupted again" {
	cat >x.lua <<-'LUA'
		for _ = 1, 100 do
		  coop.join(spawn(function() debug.sethook(function() error('in the hook', 0) end, '', 1) local x = 1 end))
		end
		local n = 0
		for _ = 1, 100 do
		  coop.join(spawn(function() debug.sethook(function() n = n + 1 end, '', 1) local x = 1 debug.sethook() end))
		end
		print(n >= 100)
	LUA
	run --separate-stderr timeout 20 corun x.lua
	[ "$output" = true ]
	[ "$(grep -c '^corun: in the hook$' <<<"$stderr")" -eq 100 ]
}
