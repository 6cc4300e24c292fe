# corun -q: a coroutine that never suspends cannot keep the others waiting.

# shellcheck disable=SC2154 # lib.bash and bats set variables
load lib

@test "loops without end, in a generator too, and the others go on" {
	cat >loops.lua <<-'LUA'
		spawn(function() while true do end end)
		spawn(function()
		  coroutine.wrap(function() local n = 0 while true do n = n + 1 end end)()
		end)
		for _ = 1, 5 do sleep(0.01) end
		print 'others go on'
		os.exit(0)
	LUA
	run --separate-stderr timeout 30 corun -q 2 loops.lua
	[ "$status" -eq 0 ]
	[ "$output" = "others go on" ]
	[ "$stderr" = "" ]
}

@test "without it a loop without end has the program for itself, until a signal comes" {
	echo 'spawn(function() local x <close> = setmetatable({}, { __close = function() print "closed" end }) print "loops" while true do end end)' >busy.lua
	echo 'sleep(0.01) print "never"' >>busy.lua
	start busy corun busy.lua
	until_true grep -q '^State:.R' "/proc/$pid/status"
	sleep 0.2
	stop "$pid" TERM
	[ "$status" -eq 143 ]
	[ "$(cat busy.out)" = $'loops\nclosed' ]
	[ ! -s busy.err ]
}

@test "what cannot be yielded across is left to its end" {
	cat >sort.lua <<-'LUA'
		local function slow(a, b)
		  local begun = os.clock()
		  while os.clock() - begun < 0.01 do end
		  return a < b
		end
		local list = { 5, 3, 1, 4, 2 }
		table.sort(list, slow)
		print(table.concat(list, ' '))
		print(select(2, ("abc"):gsub(".", function() local t = os.clock() while os.clock() - t < 0.01 do end end)))
	LUA
	run --separate-stderr timeout 30 corun -q 1 sort.lua
	[ "$status" -eq 0 ]
	[ "$output" = $'1 2 3 4 5\n3' ]
}

@test "results are the same, however often a coroutine is interrupted" {
	cat >sums.lua <<-'LUA'
		local function sum(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end
		local want, cos = sum(20000000), {}
		for i = 1, 4 do cos[i] = spawn(sum, 20000000) end
		for i = 1, 4 do
		  local ok, got = coop.join(cos[i])
		  assert(ok and got == want)
		end
		print(coop.stats().switches > 15)
	LUA
	run --separate-stderr timeout 60 corun -q 1 sums.lua
	[ "$status" -eq 0 ]
	[ "$output" = true ]
}

@test "wrong times are usage errors" {
	for ms in 0 x -1 60001; do
		run -2 --separate-stderr corun -q "$ms" -e 'print(1)'
		[[ $stderr == "corun: -q $ms: "*usage:* ]]
	done
}

@test "a hook that a coroutine has set is not that of the next one" {
	cat >hook.lua <<-'LUA'
		local function count() end
		local used = spawn(function() debug.sethook(count, 'l') end)
		coop.join(used)
		for _ = 1, 10 do
		  local _, hook = coop.join(spawn(function() return debug.gethook() or false end))
		  assert(hook ~= count)
		end
		print 'ok'
	LUA
	run --separate-stderr timeout 30 corun hook.lua
	[ "$output$stderr" = ok ]
	run --separate-stderr timeout 30 corun -q 1 hook.lua
	[ "$output$stderr" = ok ]
}
