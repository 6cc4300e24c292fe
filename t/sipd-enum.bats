#!/usr/bin/env bats
# Redirection by ENUM: against the name server of the examples, one that says nothing, and none.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# name_server [DELAY]: in $ns
name_server() {
	start ns corun "$top/scripts/examples/name-server.lua" 127.0.0.1:0 "${1-0}"
	ns=$(wait_for ns.err 'listening on')
	ns=${ns##* }
}

# redirector ARG...: sipd, with the script of the examples or what else is given; its port in $port
redirector() {
	start sipd sipd -l 127.0.0.1:0 "$@"
	port=$(wait_for sipd.err 'listening on udp')
	port=${port##*:}
}

client() {
	printf "local c = require 'sipclient' ('127.0.0.1:%s')\n%s\n" "$port" "$1" >client.lua
	LUA_PATH="$top/t/lua/?.lua" run --separate-stderr timeout 60 corun client.lua
	printf 'client: %s\n%s\nlog:\n%s\n' "$output" "$stderr" "$(cat sipd.err)"
}

enum="$BATS_TEST_DIRNAME/../scripts/examples/sip-enum.lua"

@test "a number that ENUM knows is redirected, another is not found" {
	name_server
	redirector -@ "$ns" "$enum"
	client "
		local function try(method, uri)
			local r = c:ask(method, uri)
			print(method, r.status, r.reason, r.field.contact, r.field.allow)
		end
		try('INVITE', 'sip:+4989123@127.0.0.1')
		try('INVITE', 'tel:+49-89-123')
		try('INVITE', 'sip:+99912@127.0.0.1')
		try('INVITE', 'sip:alice@127.0.0.1')
		try('OPTIONS', 'sip:127.0.0.1')
		try('REGISTER', 'sip:127.0.0.1')"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "INVITE	302	Moved Temporarily	<sip:4989123@example.com>	nil" ]
	[ "${lines[1]}" = "${lines[0]}" ]
	[ "${lines[2]}" = "INVITE	404	Not Found	nil	nil" ]
	[ "${lines[3]}" = "INVITE	404	Not a telephone number	nil	nil" ]
	[ "${lines[4]}" = "OPTIONS	200	OK	nil	INVITE, ACK, CANCEL, OPTIONS" ]
	[ "${lines[5]}" = "REGISTER	405	Method Not Allowed	nil	INVITE, ACK, CANCEL, OPTIONS" ]
}

@test "the service that is built in redirects numbers, and only them" {
	name_server
	redirector -@ "$ns"
	client "
		for _, uri in ipairs { 'tel:+49-89-123', 'sip:+4989123@x', 'sip:4989123@x;user=phone', 'sip:4989123@x', 'sip:bob@x', 'tel:+999', 'tel:4989123;phone-context=example.com',
			'sip:4989123;phone-context=+1@x;user=phone', 'sip:+49-89-123;ext=5@x' } do
			local r = c:ask('INVITE', uri)
			print(r.status, r.field.contact)
		end"
	[ "$status" -eq 0 ]
	[ "$output" = "302	<sip:4989123@example.com>
302	<sip:4989123@example.com>
302	<sip:4989123@example.com>
404	nil
404	nil
404	nil
404	nil
404	nil
302	<sip:4989123@example.com>" ]
}

@test "several addresses are given best first" {
	printf '%s\n' 'function request(req) req:redirect({ "sip:a@x", { uri = "sip:b@x" }, "tel:+1" }, 300) end' >script.lua
	redirector script.lua
	client "
		local r = c:ask('INVITE', 'sip:x')
		print(r.status)
		for _, h in ipairs(r.headers) do if h.name == 'Contact' then print(h.value) end end"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 300 ]
	[[ ${lines[1]} == "<sip:a@x>;q="* && ${lines[2]} == "<sip:b@x>;q="* && ${lines[3]} == "<tel:+1>;q="* ]]
	[[ ${lines[1]##*=} > ${lines[2]##*=} && ${lines[2]##*=} > ${lines[3]##*=} ]]
}

@test "a hundred look-ups of half a second each take half a second, and OPTIONS do not wait for them" {
	name_server 0.5
	redirector -@ "$ns" "$enum"
	client "
		local began, codes, last = coop.now(), {}, 0
		for i = 1, 100 do c:send(c:request('INVITE', ('sip:+1%d@x'):format(i))) end
		local asked = coop.now()
		c:send(c:request('OPTIONS', 'sip:x'))
		for i = 1, 400 do
			local r = c:receive(1)
			if not r then break end
			if r.status == 200 then print('OPTIONS', coop.now() - asked < 0.3) end
			codes[r.status] = (codes[r.status] or 0) + 1
			if r.status == 302 then last = coop.now() - began end
			if codes[302] == 100 and codes[200] then break end
		end
		print(codes[302], codes[100], last < 3)"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "OPTIONS	true" ]
	[ "${lines[1]}" = "100	100	true" ]
}

@test "no name server: INVITEs are told so, OPTIONS are answered" {
	# a port where nobody listens
	redirector -@ "127.0.0.1:$(free_port)" "$enum"
	client "
		c:send(c:request('INVITE', 'sip:+4989123@x'))
		print('OPTIONS', c:ask('OPTIONS', 'sip:x').status)
		local r
		repeat r = c:receive(30) until not r or r.status >= 200
		print(r.status, r.reason)"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "OPTIONS	200" ]
	[[ ${lines[1]} == "480	No answer from the name server: "* ]]
}
