# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# What corun does on signals.
load lib

setup_script() {
	cat >x.lua <<-'LUA'
		local function guard(name) return setmetatable({}, { __close = function() print(name .. ' closed') end }) end
		local function nap() sleep(60) print 'never' end
		spawn(function() local x <close> = guard 'spawned' nap() end)
		spawn(function() coroutine.wrap(function() local x <close> = guard 'generator' nap() end)() end)
		spawn(function() coop.channel():get() end)
		local x <close> = guard 'main'
		print 'ready'
		local s = net.udp('127.0.0.1:0')
		s:recvfrom()
	LUA
}

@test "SIGINT and SIGTERM close all coroutines and give 128+n" {
	setup_script
	for signal in INT TERM; do
		start script corun x.lua
		wait_for script.out ready
		stop "$pid" $signal
		[ "$status" -eq $((128 + $(kill -l $signal))) ]
		[ "$(sort script.out)" = $'generator closed\nmain closed\nready\nspawned closed' ]
		[ ! -s script.err ]
	done
}

@test "a signal ends a script that never waits, between two turns" {
	start script corun -e 'print "ready" io.stdout:flush() while true do coop.yield() end'
	wait_for script.out ready
	stop "$pid" INT
	[ "$status" -eq 130 ]
}

@test "a signal during the virtual hours" {
	start script corun -t -e 'print "ready" io.stdout:flush() while true do sleep(3600) end'
	wait_for script.out ready
	stop "$pid" TERM
	[ "$status" -eq 143 ]
}

@test "a second signal while the first is worked on" {
	start script corun -e 'local x <close> = setmetatable({}, { __close = function() print "closed" end }) print "ready" sleep(60)'
	wait_for script.out ready
	kill -INT "$pid"
	kill -TERM "$pid" 2>/dev/null || true
	ended "$pid"
	[ "$status" -eq 130 ] || [ "$status" -eq 143 ]
	grep -q closed script.out
}

@test "SIGUSR1 lists what lives and where it waits, and changes nothing" {
	setup_script
	start script corun x.lua
	wait_for script.out ready
	kill -USR1 "$pid"
	wait_for script.err 'udp recvfrom'
	until_true grep -q 'channel get' script.err
	until_true bash -c '[ "$(grep -c "^coroutine [0-9]*: " script.err)" -eq 4 ]'
	[ "$(grep -c '^coroutine [0-9]*: sleep' script.err)" -eq 2 ]
	grep -q "x.lua:2: in upvalue 'nap'" script.err
	grep -q 'x.lua:9: in main chunk' script.err
	stop "$pid" TERM
	[ "$status" -eq 143 ]
	[ "$(grep -c closed script.out)" -eq 3 ]
}

@test "what a <close> variable starts at the end does not live on" {
	start script corun -e 'local x <close> = setmetatable({}, { __close = function() spawn(function() sleep(60) end) end }) print "ready" sleep(60)'
	wait_for script.out ready
	stop "$pid" TERM
	[ "$status" -eq 143 ]
}

@test "os.exit with many coroutines: all are closed" {
	run --separate-stderr corun -e 'for i = 1, 1000 do spawn(function() local x <close> = setmetatable({}, { __close = function() io.write("x") end }) sleep(60) end) end
		coop.yield() os.exit(9)'
	[ "$status" -eq 9 ]
	[ ${#output} -eq 1000 ]
}

@test "coop.signal: a script waits for signals by itself" {
	cat >signals.lua <<-'LUA'
		spawn(function()
		  while true do print('told', coop.signal('USR1', 'sighup')) io.stdout:flush() end
		end)
		spawn(function()
		  print('first', coop.signal('INT', 'TERM'))
		  io.stdout:flush()
		  sleep(0.2)
		  -- one that came in between has been kept
		  print('second', coop.signal('INT', 'TERM'))
		  os.exit(7)
		end)
		sleep(0.01)
		print 'ready'
		io.stdout:flush()
	LUA
	start signals corun signals.lua
	wait_for signals.out ready
	kill -USR1 "$pid"
	wait_for signals.out 'told.USR1'
	kill -HUP "$pid"
	wait_for signals.out 'told.HUP'
	kill -TERM "$pid"
	wait_for signals.out 'first.TERM'
	stop "$pid" INT
	[ "$status" -eq 7 ]
	[ "$(tail -n 1 signals.out)" = "second	INT" ]
	[ ! -s signals.err ]
}

@test "coop.signal: what is no signal, or cannot be caught, is an error" {
	run -0 --separate-stderr corun -e 'print(pcall(coop.signal, "NOPE")) print(pcall(coop.signal, "KILL")) print(pcall(coop.signal))'
	[ "${lines[0]}" = "false	bad argument #1 to 'coop.signal' (no signal: 'NOPE')" ]
	[ "${lines[1]}" = "false	cannot catch KILL: Invalid argument" ]
	[ "${lines[2]}" = "false	bad argument #1 to 'coop.signal' (which signal?)" ]
}

@test "what <close> variables do at the end can be ended by a second signal" {
	start x corun -e 'local x <close> = setmetatable({}, { __close = function() io.open("closing", "w"):close() while true do end end }) io.open("ready", "w"):close() sleep(100)'
	until_true test -e ready
	until_true again INT
	ended "$pid"
	[ "$status" -eq 130 ]
	# one that ends by itself
	rm closing
	start x corun -e 'local x <close> = setmetatable({}, { __close = function() io.open("closing", "w"):close() while true do end end }) os.exit(0)'
	until_true test -e closing
	stop "$pid" TERM
	[ "$status" -eq 143 ]
}

# again SIGNAL: sends it until the process has gone
again() {
	kill "-$1" "$pid" 2>/dev/null
	sleep 0.1
	is_gone "$pid"
}
