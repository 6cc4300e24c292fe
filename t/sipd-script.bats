#!/usr/bin/env bats
# What scripts get of messages, and what they can do wrong. Most of it is in t/lua, each file of which is a row of tests of its own.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

passes() {
	LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 60 corun "$@"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[[ $output =~ ^'all '[1-9][0-9]*' passed'$ ]]
	[ -z "$stderr" ]
}

@test "sip.parse and sip.build at the corners of the grammar, and all of RFC 4475 and RFC 5118 through both" {
	passes "$top/t/lua/sip-messages.lua" "$top"/t/data/rfc4475/* "$top"/t/data/rfc5118/*
}

@test "req:reply and req:redirect: what is wrong is named, nothing can be smuggled in" {
	passes "$top/t/lua/sip-answers.lua"
}

@test "sipd: location, which it has not, says so" {
	echo 'function request(req) req:reply(200, (select(2, pcall(location[req.uri.user], location)):match("location:.*"))) end' >script.lua
	start sipd sipd -l 127.0.0.1:0 script.lua
	port=$(wait_for sipd.err 'listening on udp') port=${port##*:}
	for name in save lookup remove; do
		run sipsak -vv -s "sip:$name@127.0.0.1:$port"
		[[ $output == *"200 location: this version of sipd keeps no locations"* ]]
	done
}

@test "a request that computes without end fails; others go on meanwhile, and what was begun by others is left alone" {
	cat >script.lua <<-'LUA'
		max_cpu = 0.05
		local function busy(s) local begun = os.clock() while os.clock() - begun < s do end end
		local how = {
		  loop = function() while true do end end,
		  inside = function() for _ in coroutine.wrap(function() while true do end end) do end end,
		  sort = function() table.sort({ 3, 2, 1 }, function() while true do end end) end,
		  caught = function() pcall(function() while true do end end) while true do end end,
		  spawned = function() coop.join(spawn(busy, 0.2)) end,
		  waits = function() for _ = 1, 20 do busy(0.01) coop.yield() end end,
		}
		function request(req)
		  if how[req.uri.user] then how[req.uri.user]() end
		  req:reply(200)
		end
	LUA
	cat >client.lua <<-'LUA'
		local c = require 'sipclient' (arg[1])
		for _, user in ipairs { 'loop', 'inside', 'sort', 'caught', 'spawned', 'waits' } do
		  c:send(c:request('INFO', 'sip:' .. user .. '@x'))
		  local r
		  repeat r = c:receive(20) until not r or r.status ~= 100
		  print(user, r and r.status)
		end
	LUA
	start sipd sipd -l 127.0.0.1:0 script.lua
	port=$(wait_for sipd.err 'listening on udp') port=${port##*:}
	LUA_PATH="$top/t/lua/?.lua" run -0 --separate-stderr timeout 60 corun client.lua "127.0.0.1:$port"
	[ "$output" = $'loop\t500\ninside\t500\nsort\t500\ncaught\t500\nspawned\t200\nwaits\t200' ]
	[ "$(grep -c 'script.lua:[0-9]*: it has computed for 0.05 s without waiting once' sipd.err)" -eq 4 ]
	echo 'max_cpu = 0 function request() end' >bad.lua
	run --separate-stderr sipd -n bad.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *"max_cpu: seconds are wanted"* ]]
}
