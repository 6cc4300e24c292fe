# What the world can do to a script: peers, descriptors, pipes that close.

# shellcheck disable=SC2154 # bats sets variables
load lib

# what the sanitizers hold on to is none of ours
setup_file() {
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0:thread_local_quarantine_size_kb=0:allocator_release_to_os_interval_ms=0"
}

@test "peers that send too much, too little, nothing, or do not read" {
	local poller
	for poller in epoll poll; do
		COOP_POLLER=$poller LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 100 corun "$top/t/lua/faults.lua"
		echo "$poller: $output$stderr"
		[ "$status" -eq 0 ]
		[ "$output" = "all 6 passed" ]
		[ -z "$stderr" ]
	done
}

@test "a script that cannot be read: one line, whatever is wrong" {
	printf 'x =\n= 1\n' >syntax.lua
	run --separate-stderr timeout 10 corun syntax.lua
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$stderr" = "corun: syntax.lua:2: unexpected symbol near '='" ]
	run --separate-stderr timeout 10 corun missing.lua
	[ "$status" -eq 1 ]
	[ "$stderr" = "corun: cannot open missing.lua: No such file or directory" ]
	mkdir folder
	run --separate-stderr timeout 10 corun folder
	[ "$status" -eq 1 ]
	[ "$stderr" = "corun: cannot read folder: Is a directory" ]
}

@test "who waits where Lua has no way to is told so, and only he" {
	cat >boundary.lua <<-'LUA'
		for _, f in ipairs {
		  function() table.sort({ 3, 2, 1 }, function(a, b) sleep(0.01) return a < b end) end,
		  function() ('x'):gsub('x', function() sleep(0.01) end) end,
		  function() ('x'):rep(3):gsub('x', function() coroutine.yield() end) end,
		  function() assert(load(function() sleep(0.01) end)) end,
		} do
		  print(select(2, pcall(f)))
		end
		-- where it has one, it works
		print(setmetatable({}, { __index = function(_, k) sleep(0.01) return k end }).x)
		print(pcall(function() sleep(0.01) return 'y' end))
	LUA
	run --separate-stderr timeout 10 corun boundary.lua
	[ "$status" -eq 0 ]
	[ "$(grep -c 'C-call boundary' <<<"$output")" -eq 4 ]
	[ "$(tail -n 2 <<<"$output")" = $'x\ntrue\ty' ]
	[ -z "$stderr" ]
}

@test "an error among two hundred thousand coroutines: the others run on" {
	cat >many.lua <<-'LUA'
		local woken = 0
		for _ = 1, 200000 do spawn(function() sleep(3600) woken = woken + 1 end) end
		spawn(function() sleep(7200) print(woken) end)
		error('after all of them', 0)
	LUA
	run --separate-stderr timeout 60 corun -t many.lua
	[ "$status" -eq 1 ]
	[ "$output" = 200000 ]
	[ "${stderr%%$'\n'*}" = 'corun: after all of them' ]
}

@test "no descriptor left: accept and connect say so, and nothing spins" {
	cat >none.lua <<-'LUA'
		local l = net.listen('127.0.0.1:0')
		local conns, why = {}, nil
		repeat
		  conns[#conns + 1], why = net.connect(l:localaddr())
		until why
		print(why)
		-- one is free for the client, none for the server
		table.remove(conns):close()
		conns[#conns + 1] = assert(net.connect(l:localaddr()))
		print(l:accept(5))
		print(net.udp('127.0.0.1:0'))
		local cpu = os.clock()
		sleep(0.3)
		assert(os.clock() - cpu < 0.1, os.clock() - cpu)
		for _ = 1, 3 do table.remove(conns):close() end
		print(assert(l:accept(5)):peeraddr() ~= nil)
	LUA
	(
		ulimit -n 16
		exec timeout 20 corun none.lua
	) >out 2>err
	diff - out <<-EOF
		Too many open files
		nil	Too many open files
		nil	Too many open files
		true
	EOF
	[ ! -s err ]
}

@test "an each() without descriptors lets the others run, and does not spin" {
	cat >each.lua <<-'LUA'
		local l = net.listen('127.0.0.1:0')
		local conns = {}
		repeat local c = net.connect(l:localaddr()) conns[#conns + 1] = c until not c
		spawn(function() for c in l:each() do conns[#conns + 1] = c end end)
		local cpu = os.clock()
		for _ = 1, 20 do sleep(0.02) end
		assert(os.clock() - cpu < 0.2, os.clock() - cpu)
		print 'ran'
		os.exit(0)
	LUA
	(
		ulimit -n 16
		exec timeout 20 corun each.lua
	) >out 2>err
	[ "$(cat out)" = ran ]
	[ ! -s err ]
}

@test "a reader that has gone: quiet, and at once" {
	set +o pipefail
	timeout 20 corun -e 'for i = 1, 1e9 do print(i) end' 2>err | head -n 1 >out
	[ "${PIPESTATUS[0]}" -ne 124 ]
	[ "$(cat out)" = 1 ]
	[ ! -s err ]
	timeout 20 corun -e 'for i = 1, 1e9 do print(i) sleep(0.001) end' 2>err | head -n 1 >out
	[ "$(cat out)" = 1 ]
	[ ! -s err ]
}
