# corun -w: several processes, one port.

# shellcheck disable=SC2154 # lib.bash and bats set variables
load lib

serve() {
	cat >serve.lua <<-'LUA'
		local at = '127.0.0.1:' .. arg[1]
		local l, u = assert(net.listen(at)), assert(net.udp(at))
		spawn(function()
		  for c in l:each() do
		    c:write(coop.worker, '\n')
		    c:close()
		  end
		end)
		print('ready ' .. coop.worker .. ' of ' .. coop.workers)
		while true do
		  local data, from = u:recvfrom()
		  u:sendto(tostring(coop.worker), from)
		end
	LUA
	port=$(free_port)
	start serve corun -w "$1" serve.lua "$port"
	for ((i = 1; i <= $1; i++)); do wait_for serve.out "ready $i of $1"; done
}

@test "all of them serve one port, connections and datagrams" {
	serve 3
	run --separate-stderr corun - "$port" <<-'LUA'
		local at = '127.0.0.1:' .. arg[1]
		local tcp, udp = {}, {}
		-- by whom is the system's choice: as often as it takes
		for _ = 1, 1000 do
		  local c = assert(net.connect(at))
		  tcp[c:read('l')] = true
		  c:close()
		  local u = net.udp('127.0.0.1:0')
		  u:sendto('x', at)
		  udp[u:recvfrom(5)] = true
		  u:close()
		  if tcp['1'] and tcp['2'] and tcp['3'] and udp['1'] and udp['2'] and udp['3'] then
		    print 'all'
		    os.exit(0)
		  end
		end
	LUA
	[ "$status" -eq 0 ]
	[ "$output" = all ]
	stop "$pid" TERM
	[ "$status" -eq 143 ]
	[ ! -s serve.err ]
}

@test "without it a port belongs to one program" {
	run --separate-stderr corun -w 1 -e 'local a = net.udp("127.0.0.1:0") print(net.udp(a:localaddr()))
	  local l = net.listen("127.0.0.1:0") print(net.listen(l:localaddr()))'
	[ "$status" -eq 0 ]
	[ "$output" = $'nil\tAddress already in use\nnil\tAddress already in use' ]
}

@test "an error in one: the others go on, and the exit status tells" {
	run --separate-stderr corun -w 3 -e 'if coop.worker == 2 then error "x" end sleep(0.05) print(coop.worker)'
	[ "$status" -eq 1 ]
	[ "$(sort <<<"$output")" = $'1\n3' ]
	[ "${stderr%%$'\n'*}" = 'corun[2]: (command line):1: x' ]
}

@test "the worst exit status is that of all; alone a script is worker 1 of 1" {
	run corun -w 3 -e 'os.exit(coop.worker * 10)'
	[ "$status" -eq 30 ]
	run corun -e 'print(coop.worker, coop.workers)'
	[ "$output" = $'1\t1' ]
}

@test "one that is killed is told of, and the others go on" {
	start two corun -w 2 -e 'print(coop.worker .. " is " .. io.open("/proc/self/stat"):read("n")) io.stdout:flush() coop.signal("USR1") print "ended"'
	wait_for two.out '1 is'
	victim=$(wait_for two.out '2 is')
	kill -KILL "${victim##* }"
	wait_for two.err '^corun: worker 2 was killed by signal 9 \(Killed\)$'
	kill -USR1 "$pid"
	ended "$pid"
	[ "$status" -eq 1 ]
	grep -q '^ended$' two.out
}

@test "they do not outlive the first process" {
	serve 2
	kill -KILL "$pid"
	gone "$pid"
	until_true none_left
}

@test "gauges of workers have their number" {
	cat >sink.lua <<-'LUA'
		local s = assert(net.udp('127.0.0.1:0'))
		print(s:localaddr()) io.stdout:flush()
		local seen = {}
		repeat
		  local data = s:recvfrom()
		  for name in data:gmatch('([%w.]+):') do seen[name] = true end
		until seen['x.1.gc'] and seen['x.2.gc']
		print 'both'
	LUA
	start sink corun sink.lua
	sink=$pid
	echo 'sleep(60)' >x.lua
	start x corun -w 2 -s "$(wait_for sink.out '^127')" x.lua
	wait_for sink.out both
	ended "$sink"
	[ "$status" -eq 0 ]
}

@test "no such number" {
	for n in 0 -1 x 1025; do
		run --separate-stderr corun -w "$n" -e ''
		[ "$status" -eq 2 ]
		[[ ${stderr%%$'\n'*} == "corun: -w $n: "* ]]
	done
}
