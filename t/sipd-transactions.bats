#!/usr/bin/env bats
# What RFC 3261 asks of a server's transactions and answers, seen from outside.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# sipd_with SCRIPT: starts sipd with it on a port of the system's choice, in $port
sipd_with() {
	printf '%s\n' "$1" >script.lua
	start sipd sipd -l 127.0.0.1:0 script.lua
	port=$(wait_for sipd.err '^sipd: listening on udp:127\.0\.0\.1:[0-9]+$')
	port=${port##*:}
}

# client CHUNK: a corun script with c, a client of that sipd; what it prints in $output
client() {
	printf "local c = require 'sipclient' ('127.0.0.1:%s')\n%s\n" "$port" "$1" >client.lua
	LUA_PATH="$top/t/lua/?.lua" run --separate-stderr timeout 30 corun client.lua
	printf 'client: %s\n%s\nlog:\n%s\n' "$output" "$stderr" "$(cat sipd.err)"
}

@test "a request that comes on two ways is served once, the other one gets 482" {
	sipd_with 'local n = 0 function request(req) n = n + 1 sleep(0.2) req:reply(200, "Call " .. n) end'
	client "
		local one = { ['Call-ID'] = 'a', From = '<sip:x@y>;tag=1' }
		c:send(c:request('MESSAGE', 'sip:x', one))
		print(c:ask('MESSAGE', 'sip:x', one).status)
		print(c:receive().reason)
		print(c:ask('MESSAGE', 'sip:other', one).reason)"
	[ "$output" = $'482\nCall 1\nCall 2' ]
}

@test "schemes that are none of SIP get 416, sips and tel do not" {
	sipd_with 'function request(req) req:reply(200) end'
	client "for _, uri in ipairs { 'http://x/', 'nobodyKnows:this', 'sips:x', 'tel:+1' } do print(c:ask('OPTIONS', uri).status) end"
	[ "$output" = $'416\n416\n200\n200' ]
}

@test "an extension that is required and not supported: 420 names it, when the script accepts" {
	sipd_with '
		supported = { "timer", "Path" }
		function request(req)
			local ok, why = req:reply(req.uri.user == "no" and 404 or 200)
			if not ok then io.stderr:write("script: ", why, "\n") end
		end'
	client "
		local function ask(user, required)
			local r = c:ask('OPTIONS', 'sip:' .. user .. '@x', { Require = required })
			print(r.status, r.field.unsupported)
		end
		ask('yes', 'timer, path')
		ask('yes', 'a,timer, B')
		ask('no', 'a')"
	[ "$output" = $'200\tnil\n420\ta, B\n404\tnil' ]
	wait_for sipd.err '^script: the request requires extensions .*: a, B$'
}

@test "405 without Allow gets one" {
	sipd_with 'function request(req) if req.method == "INFO" then req:reply(405) else req:reply(405, { Allow = "OPTIONS" }) end end'
	client "for _, m in ipairs { 'INFO', 'MESSAGE' } do print(c:ask(m, 'sip:x').field.allow) end"
	[ "$output" = $'ACK, CANCEL\nOPTIONS' ]
}

@test "a request other than INVITE gets no 408 and no provisional answer but 100 (RFC 4320)" {
	sipd_with '
		function request(req)
			if req.method == "INFO" then return req:reply(408) end
			io.stderr:write("script: ", tostring(select(2, req:reply(180))), "\n")
			req:reply(200)
		end'
	client "
		c:send(c:request('INFO', 'sip:x'))
		print(c:receive(0.3))
		print(c:ask('MESSAGE', 'sip:x').status)"
	[ "$output" = $'nil\n200' ]
	wait_for sipd.err '^script: .*RFC 4320'
	run ! grep -q 'without an answer' sipd.err
}
