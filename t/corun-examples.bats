#!/usr/bin/env bats
# What scripts/examples shows of corun, each with what its users would do. Those of sip and of name servers are tested elsewhere.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# serving NAME ARG...: an example that listens, at $at
serving() {
	local name=$1
	shift
	start "$name" corun "$top/scripts/examples/$name.lua" "$@"
	at=$(wait_for "$name.err" "^$name: listening on ") at=${at##* }
}

# client ARG... <script
client() {
	run --separate-stderr timeout 20 corun - "$@"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}

@test "each has less than sixty lines, says what it is for, and is in the manual" {
	local file
	for file in "$top"/scripts/examples/*.lua; do
		[ "$(wc -l <"$file")" -lt 60 ]
		[ "$(sed -n 2p "$file" | cut -c 1-3)" = '-- ' ]
		[ -x "$file" ]
		grep -q "${file##*/}" "$top/man/corun.1"
	done
}

@test "echo-server" {
	serving echo-server 127.0.0.1:0
	client "$at" <<-'LUA'
		for i = 1, 50 do
		  spawn(function()
		    local c <close> = assert(net.connect(arg[1]))
		    c:write('line ', i, '\nrest')
		    assert(c:read() == 'line ' .. i)
		    c:shutdown()
		    assert(c:read('a') == 'rest')
		  end)
		end
	LUA
}

@test "chat: lines go to all others; one who does not read holds up nobody" {
	serving chat 127.0.0.1:0
	client "$at" <<-'LUA'
		local function enter(name)
		  local c = assert(net.connect(arg[1]))
		  assert(c:read(11) == 'Your name? ')
		  c:write(name, '\n')
		  return c
		end
		local ann, bob = enter 'ann', nil
		assert(ann:read() == 'ann enters.')
		bob = enter 'ann'
		assert(bob:read() == 'There is a ann already.')
		bob:read(11)
		bob:write('bob\n')
		assert(bob:read() == 'bob enters.' and ann:read() == 'bob enters.')
		local deaf = enter 'deaf'
		assert(bob:read() == 'deaf enters.' and ann:read() == 'deaf enters.')
		local text = ('x'):rep(990)
		for i = 1, 20000 do
		  ann:write(i, ' ', text, '\n')
		  assert(bob:read() == 'ann: ' .. i .. ' ' .. text)
		end
		deaf:close()
		bob:close()
		local gone = { [ann:read()] = true, [ann:read()] = true }
		assert(gone['bob leaves.'] and gone['deaf leaves.'])
	LUA
	[ "$(wc -l <chat.err)" -eq 1 ]
}

@test "tcp-proxy: both ways, half-closed; a target that is not there" {
	serving echo-server 127.0.0.1:0
	local echo=$at
	serving tcp-proxy 127.0.0.1:0 "$echo"
	client "$at" <<-'LUA'
		local text = ('0123456789'):rep(100000)
		for _ = 1, 20 do
		  spawn(function()
		    local c <close> = assert(net.connect(arg[1]))
		    spawn(function() c:write(text) c:shutdown() end)
		    assert(c:read('a') == text)
		  end)
		end
	LUA
	stop "$pid"
	serving tcp-proxy 127.0.0.1:0 127.0.0.1:1
	client "$at" <<-'LUA'
		local c = assert(net.connect(arg[1]))
		assert(c:read() == nil)
	LUA
	grep -qx 'tcp-proxy: 127.0.0.1:1: Connection refused' tcp-proxy.err
}

@test "port-scan: what is open, and nothing else" {
	serving echo-server 127.0.0.1:0
	local port=${at##*:}
	run --separate-stderr timeout 20 corun "$top/scripts/examples/port-scan.lua" 127.0.0.1 "$((port - 300))" "$((port < 65535 ? port + 1 : port))"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	grep -qx "$port" <<<"$output"
	[ "$(wc -l <<<"$output")" -lt 100 ]
	run --separate-stderr timeout 20 corun "$top/scripts/examples/port-scan.lua" 127.0.0.1 1 1
	[ -z "$output" ]
}

@test "worker-pool: as many at a time as it is told; its status" {
	for i in 1 2 3 4 5 6 7 8; do echo "echo +; sleep 0.1; echo -; exit $((i == 5 ? 3 : 0))"; done >commands
	run --separate-stderr timeout 20 corun "$top/scripts/examples/worker-pool.lua" 2 <commands
	[ "$status" -eq 1 ]
	[ -z "$stderr" ]
	[ "$(grep -c $'^0\t0\\.[0-9]\techo' <<<"$output")" -eq 7 ]
	[ "$(grep -c $'^3\t' <<<"$output")" -eq 1 ]
	[ "$(grep -x '[+-]' <<<"$output" | awk '/\+/ { n++ } /-/ { n-- } n > most { most = n } END { print most }')" = 2 ]
	run -0 timeout 20 corun "$top/scripts/examples/worker-pool.lua" <<<true
}

@test "statsd-send: the newest value of each name, and a complaint for what is none" {
	cat >receive.lua <<-'LUA'
		local s = net.udp('127.0.0.1:0')
		print(s:localaddr()) io.stdout:flush()
		print((s:recvfrom(10)))
	LUA
	start receive corun receive.lua
	at=$(wait_for receive.out '^127')
	run --separate-stderr timeout 20 corun "$top/scripts/examples/statsd-send.lua" "$at" <<<$'load 1\nload 2.5\nnonsense\na:b 3\nload -7'
	[ "$status" -eq 0 ]
	[ "$(head -n 1 <<<"$stderr")" = 'statsd-send: not a name and a number: nonsense' ]
	[[ $stderr == *'a:b'* ]]
	wait_for receive.out 'load:-7|g'
}

@test "crawl: where records point, each name once, no faster than allowed" {
	cat >zone <<-'ZONE'
		$ORIGIN example.com.
		$TTL 60
		@ SOA ns.example.com. root.example.com. 1 1 1 1 1
		@ NS ns
		@ MX 10 mail
		@ MX 20 gone
		ns A 192.0.2.1
		mail A 192.0.2.2
	ZONE
	start_nsd example.com "$PWD/zone"
	local began=${EPOCHREALTIME/./}
	run --separate-stderr timeout 20 corun "$top/scripts/examples/crawl.lua" 20 "127.0.0.1#$nsd_port" example.com EXAMPLE.com.
	# four names, three questions each but for the one that does not exist: ten turns
	[ $((${EPOCHREALTIME/./} - began)) -ge 450000 ]
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	diff - <(sort <<<"$output") <<-EOF
		example.com.	MX	gone.example.com.
		example.com.	MX	mail.example.com.
		example.com.	NS	ns.example.com.
		gone.example.com.	NXDOMAIN
		mail.example.com.	A	192.0.2.2
		ns.example.com.	A	192.0.2.1
	EOF
}

@test "http-pool: kept connections, chunks, bodies that end with the connection" {
	cat >http.lua <<-'LUA'
		local l = net.listen('127.0.0.1:0')
		print(l:localaddr()) io.stdout:flush()
		local connections = 0
		local answers = {
		  ['/length'] = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
		  ['/chunks'] = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n',
		  ['/close'] = 'HTTP/1.1 404 No\r\nConnection: close\r\n\r\nend of it',
		  ['/empty'] = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
		}
		for conn in l:each() do
		  connections = connections + 1
		  spawn(function()
		    local _ <close> = conn
		    for line in conn:lines() do
		      local path = line:match('^GET (%S+)')
		      if path then
		        repeat until conn:read() == '\r'
		        if path == '/count' then
		          local n = tostring(connections)
		          conn:write('HTTP/1.1 200 OK\r\nContent-Length: ', n, '\r\n\r\n', ('x'):rep(n))
		        else
		          conn:write(answers[path])
		          if path == '/close' then return end
		        end
		      end
		    end
		  end)
		end
	LUA
	start http corun http.lua
	at=$(wait_for http.out '^127')
	{
		for i in 1 2 3 4 5 6 7 8 9 10; do printf '%s\n' /length /chunks /empty; done
		echo /close
	} >paths
	run --separate-stderr timeout 20 corun "$top/scripts/examples/http-pool.lua" "$at" 3 <paths
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(cut -f 1,2,4 <<<"$output" | sort | uniq -c | sed 's/^ *//')" = $'10 200\t0\t/empty\n10 200\t15\t/chunks\n10 200\t5\t/length\n1 404\t9\t/close' ]
	# three connections, one for this question
	run --separate-stderr timeout 20 corun "$top/scripts/examples/http-pool.lua" "$at" 1 <<</count
	[ "$(cut -f 1,2 <<<"$output")" = $'200\t4' ]
}
