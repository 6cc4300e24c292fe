# LuaSocket's modules, and what is built on them, run unchanged on our socket.core; one blocked call stops its own coroutine.

# shellcheck disable=SC2154 # lib.bash and bats set variables
load lib

@test "the same as LuaSocket's own core: classes, results, errors, time-outs" {
	lua5.4 "$top/t/lua/luasocket.lua" >want 2>&1
	timeout 20 corun "$top/t/lua/luasocket.lua" >got 2>&1
	diff want got
	[ "$(wc -l <got)" -gt 60 ]
}

@test "the same as LuaSocket's own core: every method, option, part and message of tcp, udp and unix" {
	for what in tcp udp unix; do
		timeout 20 lua5.4 "$top/t/lua/luasocket-$what.lua" >want 2>&1
		for poller in epoll poll; do
			rm -f ./*.sock
			COOP_POLLER=$poller timeout 20 corun "$top/t/lua/luasocket-$what.lua" >got 2>&1
			diff want got
		done
		[ "$(wc -l <got)" -gt 30 ]
	done
}

# a hundred coroutines, and one whose call lasts until they are done
hundred() {
	cat <<-'LUA'
		function hundred(slow, fast, release)
		  local done, slow_done = 0, false
		  spawn(function() slow() slow_done = true end)
		  sleep(0.05)
		  for i = 1, 100 do
		    spawn(function() fast(i) done = done + 1 end)
		  end
		  repeat sleep(0.01) until done == 100
		  assert(not slow_done)
		  release()
		  repeat sleep(0.01) until slow_done
		  print 'all'
		end
	LUA
}

@test "socket.http: a hundred requests to lighttpd, beside one that is slow" {
	mkdir www
	head -c 100000 /dev/zero | tr '\0' x >www/file.txt
	port=$(free_port)
	cat >lighttpd.conf <<-END
		server.document-root = "$PWD/www"
		server.bind = "127.0.0.1"
		server.port = $port
		server.pid-file = "$PWD/lighttpd.pid"
		mimetype.assign = ( ".txt" => "text/plain" )
	END
	start lighttpd lighttpd -D -f lighttpd.conf
	cat >slow.lua <<-'LUA'
		local l, waiting = assert(net.listen('127.0.0.1:0')), coop.channel()
		print(l:localaddr()) io.stdout:flush()
		for c in l:each() do
		  spawn(function()
		    if c:read():match('release') then waiting:close() else waiting:get() end
		    c:write('HTTP/1.0 200 OK\r\n\r\nslow')
		    c:close()
		  end)
		end
	LUA
	start slow corun slow.lua
	{
		hundred
		cat <<-'LUA'
			local http = require 'socket.http'
			hundred(function()
			  assert(http.request('http://' .. arg[2] .. '/') == 'slow')
			end, function()
			  local body, code, headers = http.request('http://' .. arg[1] .. '/file.txt')
			  assert(code == 200 and #body == 100000 and headers['content-type'] == 'text/plain', code)
			end, function()
			  http.request('http://' .. arg[2] .. '/release')
			end)
			print((select(2, http.request('http://' .. arg[1] .. '/none'))))
		LUA
	} >http.lua
	until_true corun -e "os.exit(net.connect('127.0.0.1:$port') and 0 or 1)"
	run --separate-stderr timeout 30 corun http.lua "127.0.0.1:$port" "$(wait_for slow.out '^127')"
	[ -z "$stderr" ]
	[ "$output" = $'all\n404' ]
}

@test "lua-redis: a hundred clients, beside one that blocks" {
	port=$(free_port)
	start redis redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$PWD"
	{
		hundred
		cat <<-'LUA'
			local redis = require 'redis'
			local port = tonumber(arg[1])
			hundred(function()
			  local r = redis.connect('127.0.0.1', port)
			  assert(r:blpop('queue', 0)[2] == 'go')
			end, function(i)
			  local r = redis.connect('127.0.0.1', port)
			  r:set('key' .. i, 'value' .. i)
			  assert(r:get('key' .. i) == 'value' .. i)
			  assert(r:incr('count') > 0)
			  r:quit()
			end, function()
			  redis.connect('127.0.0.1', port):rpush('queue', 'go')
			end)
			print(redis.connect('127.0.0.1', port):get('count'))
		LUA
	} >store.lua
	until_true corun -e "os.exit(net.connect('127.0.0.1:$port') and 0 or 1)"
	# Debian has it for Lua 5.1, and it is good for 5.4 as it is
	run --separate-stderr env LUA_PATH="/usr/share/lua/5.1/?.lua;;" timeout 30 corun store.lua "$port"
	[ -z "$stderr" ]
	[ "$output" = $'all\n100' ]
}

@test "socket.smtp and socket.ftp: a hundred at once" {
	start smtp corun "$top/t/mock/smtp.lua"
	start ftp corun "$top/t/mock/ftp.lua"
	cat >mail.lua <<-'LUA'
		local smtp, ftp, ltn12 = require 'socket.smtp', require 'socket.ftp', require 'ltn12'
		local sent, got = 0, 0
		local host, port = arg[1]:match('(.*):(%d+)')
		for i = 1, 100 do
		  spawn(function()
		    assert(smtp.send{ from = '<a@example.com>', rcpt = '<b@example.com>', server = host, port = tonumber(port),
		      source = smtp.message{ headers = { subject = 'x' }, body = ('y'):rep(1000) } })
		    sent = sent + 1
		  end)
		  spawn(function()
		    local body = assert(ftp.get('ftp://user:pass@' .. arg[2] .. '/' .. i * 100 .. ';type=i'))
		    assert(#body == i * 100)
		    assert(ftp.put('ftp://user:pass@' .. arg[2] .. '/x', body) == #body)
		    got = got + 1
		  end)
		end
		repeat sleep(0.01) until sent + got == 200
		print(sent, got)
	LUA
	run --separate-stderr timeout 30 corun mail.lua "$(wait_for smtp.out '^127')" "$(wait_for ftp.out '^127')"
	[ -z "$stderr" ]
	[ "$output" = $'100\t100' ]
	[ "$(grep -c '^message' smtp.out)" -eq 100 ]
}

@test "a socket that another coroutine waits for is closed: it hears so at once" {
	run --separate-stderr timeout 10 corun - <<-'LUA'
		local socket = require 'socket'
		local l = socket.bind('127.0.0.1', 0)
		local host, port = l:getsockname()
		local c = socket.connect(host, port)
		local s = l:accept()
		spawn(function() print(c:receive()) end)
		spawn(function() print(l:accept()) end)
		spawn(function() print(#socket.select({ s }, nil)) end)
		sleep(0.01)
		c:close() l:close() s:close()
	LUA
	[ "$status" -eq 0 ]
	[ "$(sort <<<"$output")" = $'1\nnil\tclosed\nnil\tclosed\t' ]
}

@test "a name with several addresses: they are tried in turn, by connect too" {
	printf '%s\n' '127.0.0.2 several' '127.0.0.1 several' >hosts
	cat >several.lua <<-'LUA'
		local socket = require 'socket'
		local server = socket.bind('127.0.0.1', 0)
		local _, port = server:getsockname()
		local c = socket.tcp()
		print(c:connect('several', port), (c:getpeername()))
		print((assert(socket.connect('several', port)):getpeername()))
		server:close()
		print(socket.connect('several', port))
	LUA
	COOP_HOSTS=$PWD/hosts run --separate-stderr timeout 10 corun several.lua
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "1.0	127.0.0.1" ]
	[ "${lines[1]}" = 127.0.0.1 ]
	[ "${lines[2]}" = "nil	connection refused" ]
}

@test "unix stream sockets" {
	run --separate-stderr timeout 10 corun - <<-'LUA'
		local unix = require 'socket.unix'
		local l = unix()
		assert(l:bind('sock'))
		assert(l:listen())
		spawn(function()
		  local c = unix.stream()
		  assert(c:connect('sock'))
		  c:send('hello\n')
		end)
		print(l:accept():receive())
		print(unix():connect('none'))
	LUA
	[ "$status" -eq 0 ]
	[ "$output" = $'hello\tnil\tnil\nnil\tNo such file or directory' ]
}

@test "coop-net: three pages at once" {
	cat >serve.lua <<-'LUA'
		local l = assert(net.listen('127.0.0.1:0'))
		print(l:localaddr()) io.stdout:flush()
		for c in l:each() do
		  c:read()
		  c:write('HTTP/1.0 200 OK\r\n\r\npage')
		  c:close()
		end
	LUA
	start serve corun serve.lua
	example coop-net.3 7 | sed "s/127.0.0.1:8080/$(wait_for serve.out '^127')/" >fetch.lua
	run --separate-stderr timeout 10 corun fetch.lua
	[ -z "$stderr" ]
	[ "$(sort <<<"$output")" = $'/a\t200\t4\n/b\t200\t4\n/c\t200\t4' ]
}
