#!/usr/bin/env bats
# What scripts/examples shows of sip.agent: a load, a monitor, a call.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# serving SCRIPT: sipd with it on UDP, at $at
serving() {
	printf '%s\n' "$1" >server.lua
	start sipd sipd -l 127.0.0.1:0 server.lua
	at=$(wait_for sipd.err '^sipd: listening on udp:') at=${at#*udp:}
}

@test "sip-load: all are answered, and told by code" {
	serving 'function request(req) if req.uri.user == "n7" then return req:reply(404) end req:reply(req.method == "INVITE" and 302 or 200) end'
	run --separate-stderr timeout 30 corun "$top/scripts/examples/sip-load.lua" "$at" OPTIONS 500 5000 n%d
	[ "$status" -eq 0 ]
	[[ $output =~ ^OPTIONS$'\t'"500 sent, 500 answered (200: 499, 404: 1), "[0-9]+" sent again, 0 lost"$'\t'"p50 "[0-9.]+" ms" ]]
	run --separate-stderr timeout 30 corun "$top/scripts/examples/sip-load.lua" "$at" INVITE 100 5000
	[ "$status" -eq 0 ]
	[[ $output == *"(302: 100)"* ]]
	run --separate-stderr corun "$top/scripts/examples/sip-load.lua" "$at"
	[ "$status" -eq 2 ]
}

@test "sip-monitor: who answers, and who comes back" {
	serving 'function request(req) req:reply(200) end'
	run --separate-stderr timeout 30 corun "$top/scripts/examples/sip-monitor.lua" 0 "sip:$at" 'sip:127.0.0.1:1;transport=tcp'
	[ "$status" -eq 1 ]
	grep -qE "sip:$at"$'\t200\t[0-9.]+ ms$' <<<"$output"
	grep -q $'transport=tcp\tConnection refused\t' <<<"$output"
	run --separate-stderr timeout 30 corun "$top/scripts/examples/sip-monitor.lua" 0 "sip:$at"
	[ "$status" -eq 0 ]
	port=$(free_port)
	start monitor corun "$top/scripts/examples/sip-monitor.lua" 0.1 "sip:127.0.0.1:$port;transport=tcp"
	wait_for monitor.out 'Connection refused'
	start back sipd -l "tcp:127.0.0.1:$port" server.lua
	wait_for monitor.out $'\t200\t'
	stop "$pid"
	until_true gone_again
}

gone_again() {
	[ "$(grep -c 'Connection refused' monitor.out)" -eq 2 ]
}

@test "sip-call: a call that is taken, and one that is not" {
	serving 'function request(req) if req.uri.user == "busy" then return req:reply(486) end if req.method == "INVITE" then req:reply(180) end req:reply(200) end'
	run --separate-stderr timeout 30 corun "$top/scripts/examples/sip-call.lua" "sip:x@$at" 0.1
	[ "$status" -eq 0 ]
	[ "$(cut -f 2- <<<"$output")" = $'INVITE\t180 Ringing\nINVITE\t200 OK\nBYE\t200 OK' ]
	run --separate-stderr timeout 30 corun "$top/scripts/examples/sip-call.lua" "sip:busy@$at"
	[ "$status" -eq 1 ]
	[[ $output == *"486 Busy Here" ]]
}

@test "sip-call: a call that the other side ends" {
	cat >callee.lua <<-'LUA'
		local agent = sip.agent('127.0.0.1:0')
		print(agent:localaddr())
		for req in agent:requests() do
			req:reply(200)
			local r = agent:request { method = 'BYE', uri = req:header('Contact'):match('<(.-)>'), call_id = req.call_id,
				from = req:header('To') .. ';tag=1', to = req:header('From') }
			print(r.status)
			agent:close()
		end
	LUA
	start callee timeout 30 corun callee.lua
	at=$(wait_for callee.out :)
	run --separate-stderr timeout 30 corun "$top/scripts/examples/sip-call.lua" "sip:x@$at" 60
	[ "$status" -eq 0 ]
	[ "$(cut -f 2- <<<"$output")" = $'INVITE\t200 OK\nBYE\tthey hung up' ]
	ended "$pid"
	[ "$(tail -n 1 callee.out)" = 200 ]
}

# sipp_answers OPTIONS...: sipp takes calls, at 127.0.0.1:$port
sipp_answers() {
	port=$(free_port)
	start uas timeout 60 sipp -sn uas -i 127.0.0.1 -p "$port" -nostdin -timeout 50 -timeout_error "$@"
}

is_bound() { grep -q "$(printf '0100007F:%04X 00000000:0000' "$port")" /proc/net/udp /proc/net/tcp; }

@test "sip-call: sipp is called over UDP and TCP" {
	for how in u1 t1; do
		sipp_answers -t "$how" -m 1
		until_true is_bound
		[ "$how" = u1 ] && uri="sip:x@127.0.0.1:$port" || uri="sip:x@127.0.0.1:$port;transport=tcp"
		run --separate-stderr timeout 30 corun "$top/scripts/examples/sip-call.lua" "$uri" 0.1
		[ "$status" -eq 0 ]
		[ "$(cut -f 2- <<<"$output")" = $'INVITE\t180 Ringing\nINVITE\t200 OK\nBYE\t200 OK' ]
	done
}

@test "calls to sipp on a line that loses one message in ten" {
	sipp_answers -m 25
	until_true is_bound
	start relay corun "$top/t/lua/lossy.lua" "127.0.0.1:$port" 10
	at=$(wait_for relay.out listening) at=${at##* }
	cat >calls.lua <<-'LUA'
		local agent, calls <close> = sip.agent(nil, { target = arg[1] }), coop.group()
		for i = 1, 25 do
			calls:spawn(function()
				local call, err = agent:request { method = 'INVITE', uri = 'sip:x@' .. arg[1] }
				local bye = agent:request { method = 'BYE', dialog = assert(call, err).dialog }
				print(call.status, bye and bye.status)
			end)
			sleep(0.01)
		end
		calls:wait()
		agent:close()
	LUA
	run --separate-stderr timeout 60 corun calls.lua "$at"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ "$(sort <<<"$output" | uniq -c)" = $'     25 200\t200' ]
}
