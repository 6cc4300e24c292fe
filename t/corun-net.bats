# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# Sockets of scripts, and the code of the project's seed.
load lib

passes() {
	LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 60 corun "$@"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[[ $output =~ ^'all '[1-9][0-9]*' passed'$ ]]
	[ -z "$stderr" ]
}

# the same with both pollers
both() {
	COOP_POLLER=epoll passes "$@"
	COOP_POLLER=poll passes "$@"
}

@test "the seed: a query that yields until it is scheduled, a loop of statistics" {
	both "$top/t/lua/seed.lua"
}

@test "datagrams" {
	both "$top/t/lua/udp.lua"
}

@test "servers and their clients" {
	both "$top/t/lua/servers.lua"
}

@test "a server without a descriptor left goes on when it has some again" {
	cat >server.lua <<-'LUA'
		local l = assert(net.listen('127.0.0.1:0'))
		print(l:localaddr())
		for conn in l:each() do
		  spawn(function() conn:write(conn:read() or '', '\n') sleep(0.02) conn:close() end)
		end
	LUA
	cat >client.lua <<-'LUA'
		local g <close> = coop.group()
		for i = 1, 60 do
		  g:spawn(function()
		    local c <close> = assert(net.connect(arg[1], 20))
		    c:settimeout(20)
		    c:write(i, '\n')
		    assert(c:read() == tostring(i))
		  end)
		end
		g:wait()
		print 'all served'
	LUA
	start server bash -c 'ulimit -n 20 && exec corun server.lua'
	addr=$(wait_for server.out 127)
	run --separate-stderr timeout 30 corun client.lua "$addr"
	[ "$status" -eq 0 ]
	[ "$output" = 'all served' ]
	[ ! -s server.err ]
}
