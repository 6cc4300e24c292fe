# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2034,SC2154
# What corun(1), coop(3), coop-net(3) and coop(7) show is true: each of their examples.

load lib

@test "corun: wait for a second, and say so" {
	grep -q "corun -e 'sleep(1) print(1)'" "$top/man/corun.1"
	run --separate-stderr corun -e 'sleep(1) print(1)'
	[ "$status" -eq 0 ]
	[ "$output" = 1 ]
	[ "$stderr" = "" ]
}

@test "corun: two coroutines, the faster one first" {
	command=$(example corun.1 1 | sed -n '1s/^\$ //p;2p')
	run --separate-stderr bash -c "$command"
	[ "$status" -eq 0 ]
	[ "$output" = "$(example corun.1 1 | tail -n 2)" ]
}

@test "corun: ten hours in no time" {
	command=$(example corun.1 2 | sed -n '1s/^\$ //p')
	run --separate-stderr timeout 5 bash -c "$command"
	[ "$status" -eq 0 ]
	[ "$output" = "$(example corun.1 2 | tail -n 1)" ]
}

@test "corun: the echo server" {
	file_of corun.1 3 >echo.lua
	[ -s echo.lua ]
	port=$(free_port)
	start echo corun echo.lua "127.0.0.1:$port"
	cat >client.lua <<-'LUA'
		local conns = {}
		for i = 1, 50 do
		  local c
		  repeat c = net.connect(arg[1]) if not c then sleep(0.05) end until c
		  conns[i] = c
		end
		for i, c in ipairs(conns) do c:write('line ', i, '\n') end
		for i, c in ipairs(conns) do assert(c:read() == 'line ' .. i) end
		print 'all back'
	LUA
	run --separate-stderr timeout 10 corun client.lua "127.0.0.1:$port"
	[ "$status" -eq 0 ]
	[ "$output" = "all back" ]
}

@test "corun: addresses of two names at the same time" {
	file_of corun.1 4 >addresses.lua
	[ -s addresses.lua ]
	cat >zone <<-'ZONE'
		$ORIGIN example.
		$TTL 60
		@ SOA ns admin 1 60 60 60 60
		@ NS ns
		ns A 127.0.0.1
		one A 192.0.2.1
		two A 192.0.2.2
	ZONE
	start_nsd example "$PWD/zone"
	# resolv.conf has no place for a port: the script is told instead
	sed -i "1i local port = table.remove(arg, 1)" addresses.lua
	sed -i 's/dns.query(name, "A")/dns.resolver{servers = {"127.0.0.1:" .. port}}:query(name, "A")/' addresses.lua
	run --separate-stderr corun addresses.lua "$nsd_port" one.example two.example nobody.example
	[ "$status" -eq 0 ]
	[ "$(sort <<<"$output")" = $'nobody.example\tNXDOMAIN\none.example\t192.0.2.1\ntwo.example\t192.0.2.2' ]
}

@test "corun: memory and coroutines of a script, drawn" {
	echo 'for _ = 1, 10 do spawn(sleep, 0.3) sleep(0.03) end' >script.lua
	run --separate-stderr gcwatch -o memory.svg corun script.lua
	[ "$status" -eq 0 ]
	grep -q '<svg' memory.svg
	grep -q 'script.co' memory.svg
}

@test "coop: ask, and give up" {
	example coop.3 1 >ask.lua
	cat >>ask.lua <<-'LUA'
		spawn(function() sleep(1) answered(1, 'yes') answered(2, 'nobody asked') end)
		print(ask(1))
		print(ask(3))
	LUA
	run --separate-stderr corun -t ask.lua
	[ "$status" -eq 0 ]
	[ "$output" = $'yes\tnil\nnil\ttimeout' ] || [ "$output" = $'yes\nnil\ttimeout' ]
}

@test "coop: four things at once, one fails" {
	{
		echo 'local ended = 0 local function work(i) sleep(i) ended = ended + 1 if i == 2 then error("two", 0) end end'
		echo 'print(pcall(function()'
		example coop.3 2
		echo 'end)) print(ended, coop.count())'
	} >group.lua
	run --separate-stderr corun -t group.lua
	[ "$status" -eq 0 ]
	[ "$output" = $'false\ttwo\n2\t1' ]
}

@test "coop: workers that share what there is to do" {
	{
		example coop.3 3
		echo 'local t = coop.now() while coop.count() > 1 do sleep(0.01) end print(#jobs, coop.now() - t < 0.3)'
	} >workers.lua
	run --separate-stderr corun -t workers.lua
	[ "$status" -eq 0 ]
	[ "$output" = $'0\ttrue' ]
}

@test "coop-net: capitals, and who asks for them" {
	port=$(free_port)
	example coop-net.3 1 | sed "s/5400/$port/" >server.lua
	example coop-net.3 2 | sed "s/5400/$port/" >client.lua
	start server corun server.lua
	until_true answers_in_capitals
}

answers_in_capitals() { [ "$(timeout 2 corun client.lua)" = "HELLO	127.0.0.1:$port" ]; }

@test "coop-net: fetch a page" {
	port=$(free_port)
	example coop-net.3 3 | sed "s/8080/$port/" >fetch.lua
	cat >server.lua <<-'LUA'
		for conn in net.listen(arg[1]):each() do
		  local request = conn:read()
		  if request and conn:read() then conn:write('HTTP/1.0 200 OK\r\n\r\nasked: ', request, '\n') end
		  conn:close()
		end
	LUA
	start server corun server.lua "127.0.0.1:$port"
	until_true corun -e "assert(net.connect('127.0.0.1:$port'))"
	run --separate-stderr corun fetch.lua
	[ "$status" -eq 0 ]
	[[ "$output" == *"asked: GET / HTTP/1.0"* ]]
}

@test "coop: the pipe, and a service that is watched" {
	cat >zone <<-'ZONE'
		$ORIGIN example.
		$TTL 60
		@ SOA ns admin 1 60 60 60 60
		@ NS ns
		ns A 127.0.0.1
		a MX 10 mail
		b MX 10 mail
		mail A 192.0.2.3
	ZONE
	start_nsd example "$PWD/zone"
	printf 'a.example\nb.example\n' >domains
	grep -q '^dnsq -s -t MX < domains | sort | uniq -c | sort -n | tail$' "$top/man/coop.7"
	run bash -c "dnsq -@ 127.0.0.1#$nsd_port -s -t MX < domains | sort | uniq -c | sort -n | tail"
	[ "$status" -eq 0 ]
	[[ "$output" == *"2 10 mail.example."* ]]

	grep -q '^gcwatch -o service.svg sipd service.lua$' "$top/man/coop.7"
	echo "listen = '127.0.0.1:0' function request(req) req:reply(200) end" >service.lua
	start service gcwatch -o service.svg sipd service.lua
	wait_for service.err 'listening on udp:127.0.0.1:'
	stop "$pid"
	grep -q 'sipd.co' service.svg
}
