# What sipd(8) and coop-sip(3) show is true: each of their examples.

# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# serving ARG...: sipd at a port of the system's choice, in $port
serving() {
	start sipd sipd -l 127.0.0.1:0 "$@"
	port=$(wait_for sipd.err '^sipd: listening on udp:127\.0\.0\.1:[0-9]+$')
	port=${port##*:}
}

client() {
	printf "local c = require 'sipclient' ('127.0.0.1:%s')\n%s\n" "$port" "$1" >client.lua
	LUA_PATH="$top/t/lua/?.lua" run --separate-stderr timeout 30 corun client.lua
	printf 'client: %s\n%s\nlog:\n%s\n' "$output" "$stderr" "$(cat sipd.err)"
}

@test "sipd: the service that is built in, asked by sipsak" {
	local shown
	shown=$(example sipd.8 1)
	[ "$(sed -n 1p <<<"$shown")" = '$ sipd -l 127.0.0.1:5060 &' ]
	serving
	[ "$(sed "s/:$port\$/:5060/" sipd.err)" = "$(sed -n 2p <<<"$shown")" ]
	run bash -c "$(sed -n '3s/^\$ //p' <<<"$shown" | sed "s/5060/$port/")"
	[ "$status" -eq 0 ]
	[ "$output" = "$(sed -n 4p <<<"$shown")" ]
}

@test "sipd: alice has another address" {
	file_of sipd.8 2 >alice.lua
	[ "$(example sipd.8 2 | tail -n 1)" = '$ sipd -n alice.lua && sipd alice.lua' ]
	run sipd -n alice.lua
	[ "$status" -eq 0 ]
	serving alice.lua
	client "
		print(c:ask('INVITE', 'sip:alice@x').field.contact)
		print(c:ask('INVITE', 'sip:bob@x').status, c:ask('OPTIONS', 'sip:x').status)"
	[ "$output" = $'<sip:alice@home.example.com>\n404\t200' ]
}

@test "sipd: telephone numbers by ENUM, watched" {
	start ns corun "$top/scripts/examples/name-server.lua" 127.0.0.1:0
	ns=$(wait_for ns.err 'listening on')
	command=$(example sipd.8 3 | sed 's/^\$ //')
	[ "$command" = 'gcwatch -o service.svg sipd -@ 127.0.0.1#5300 -l 127.0.0.1:5060' ]
	command=${command/5300/${ns##*:}}
	# shellcheck disable=SC2086 # the words of the command
	start service ${command/:5060/:0}
	port=$(wait_for service.err 'sipd: listening on udp:') && port=${port##*:}
	cp service.err sipd.err
	client "print(c:ask('INVITE', 'tel:+49-89-1').field.contact)"
	[ "$output" = '<sip:49891@example.com>' ]
	stop "$pid" INT
	grep -q 'sipd.co' service.svg
}

@test "sipd: a database that is slow" {
	cat >db.lua <<-'LUA'
		local l = net.listen('127.0.0.1:0')
		io.stderr:write('at ', l:localaddr(), '\n')
		for conn in l:each() do
			spawn(function()
				local user = conn:read()
				sleep(0.3)
				if user == 'alice' then conn:write('sip:alice@db.example.com\n') end
				conn:close()
			end)
		end
	LUA
	start db corun db.lua
	at=$(wait_for db.err '^at ')
	file_of sipd.8 4 | sed "s/127.0.0.1:7000/${at#at }/" >ask.lua
	grep -q "${at#at }" ask.lua
	serving ask.lua
	client "
		local began = coop.now()
		local asked = {}
		for _, user in ipairs { 'alice', 'bob', 'alice', 'alice' } do c:send(c:request('INVITE', ('sip:%s@x'):format(user))) end
		local seen = {}
		repeat
			local r = c:receive()
			if r.status >= 200 and not seen[r.call_id] then seen[r.call_id] = true asked[#asked + 1] = r.status .. (r.field.contact or '') end
		until #asked == 4
		table.sort(asked)
		print(table.concat(asked, ' '), coop.now() - began < 1)"
	[ "$output" = $'302<sip:alice@db.example.com> 302<sip:alice@db.example.com> 302<sip:alice@db.example.com> 404\ttrue' ]
}

@test "coop-sip: calls for alice, and for those who moved" {
	example coop-sip.3 1 >script.lua
	serving script.lua
	client "
		print(c:ask('OPTIONS', 'sip:x').status, c:ask('BYE', 'sip:x').status, c:ask('PUBLISH', 'sip:x').status)
		local r = c:ask('INVITE', 'sip:bob@x')
		print(r.status, r.field.contact)
		r = c:ask('INVITE', 'sip:carol@x')
		print(r.status, r.reason)
		c = require 'sipclient' (c.target)
		c:send(c:request('INVITE', 'sip:alice@x'))
		print(c:receive().status, c:receive().status)"
	[ "$output" = $'200\t200\t405\n301\t<sip:bob@example.net>\n404\tNobody of that name\n180\t200' ]
}

@test "coop-sip: redirection by ENUM" {
	start ns corun "$top/scripts/examples/name-server.lua" 127.0.0.1:0
	ns=$(wait_for ns.err 'listening on')
	example coop-sip.3 2 >script.lua
	serving -@ "${ns##* }" script.lua
	client "
		print(c:ask('INVITE', 'sip:+4989@x').field.contact)
		print(c:ask('INVITE', 'sip:+999@x').status)"
	[ "$output" = $'<sip:4989@example.com>\n404' ]
}

@test "coop-sip: is a server alive?" {
	example coop-sip.3 3 >alive.lua
	serving
	run --separate-stderr corun alive.lua "127.0.0.1:$port"
	[ "$status" -eq 0 ]
	[ "$output" = 200 ]
	stop "$pid"
	run --separate-stderr corun alive.lua "127.0.0.1:$port"
	[ "$output" = "no answer" ]
}

@test "coop-sip: messages to tables, and back" {
	cat >messages.lua <<-'LUA'
		local text = ('INVITE sip:b%41b@Host.example:5061;LR;x=%20 SIP/2.0\nv: SIP/2.0/UDP a;branch=z9hG4bKx\nf: "A \\"x" <sip:a@b>;tag=1\n' ..
			't: <tel:+49-1>\ni: 1\nCSeq: 2\n  INVITE\nContent-Length: 3\n\nabc'):gsub('\n', '\r\n')
		local m = assert(sip.parse(text .. 'rest'))
		print(m.method, m.uri.scheme, m.uri.user, m.uri.host, m.uri.port, m.uri.params.lr, m.uri.params.x, m.call_id, m.cseq, m.body)
		print(m.from.display, m.from.tag, m.from.uri, m.to.scheme, m.to.user, m.to.tag)
		print(#m.headers, m.headers[5].name, m.headers[5].value)
		local again = sip.build(m)
		print(again == text:gsub('CSeq: 2\r\n  INVITE', 'CSeq: 2 INVITE'))
		m.body = nil
		print(sip.parse(sip.build(m)).body == '')
		print(sip.build { status = 404, headers = {} }:match('^[^\r]*'))
		print(sip.parse 'hello')
		print(select('#', sip.parse((text:gsub('CSeq: 2', 'CSeq: x')))))
		print((select(3, sip.parse((text:gsub('SIP/2.0\r', 'SIP/3.0\r', 1))))))
		print(sip.same('sip:%61@H;lr', 'sip:a@h'), sip.same(m.uri, 'sip:bAb@host.example:5061;lr;x=%20'), sip.same('sip:a', 'sip:a:5060'), sip.same('x', 'x'))
		for _, bad in ipairs {
			{}, { status = 99, headers = {} }, { status = 200 }, { method = 'A B', uri = 'sip:x', headers = {} },
			{ method = 'A', uri = 'x y', headers = {} }, { method = 'A', headers = {} }, { status = 200, headers = { 'a' } },
			{ status = 200, headers = { { name = 'a b', value = 'c' } } }, { status = 200, headers = { { name = 'a', value = 'b\r\nc: d' } } },
			{ status = 200, headers = { { name = 'a', value = 'b\0' } } }, { status = 200, reason = 'a\nb', headers = {} },
			{ status = 200, headers = { { value = 'b' } } },
		} do
			assert(not pcall(sip.build, bad))
		end
	LUA
	run --separate-stderr corun messages.lua
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = $'INVITE\tsip\tbAb\thost.example\t5061\t\t \t1\t2\tabc' ]
	[ "${lines[1]}" = $'A "x\t1\tsip:a@b\ttel\t+49-1\tnil' ]
	[ "${lines[2]}" = $'6\tCSeq\t2 INVITE' ]
	[ "${lines[3]}" = true ]
	[ "${lines[4]}" = true ]
	[ "${lines[5]}" = "SIP/2.0 404 Not Found" ]
	[[ ${lines[6]} == $'nil\t'*$'\t400' ]]
	[ "${lines[7]}" = 3 ]
	[ "${lines[8]}" = 505 ]
	[ "${lines[9]}" = $'true\ttrue\tfalse\tfalse' ]
}

@test "coop-sip: is a server alive? asked by an agent" {
	example coop-sip.3 4 >alive.lua
	serving
	run --separate-stderr corun alive.lua "sip:127.0.0.1:$port"
	[ "$status" -eq 0 ]
	[ "$output" = 200 ]
	run --separate-stderr corun alive.lua 'tel:+1'
	[ "$output" = "no sip URI" ]
}

@test "coop-sip: a call for a second" {
	example coop-sip.3 5 >call.lua
	printf 'function request(req) if req.method == "INVITE" then req:reply(180) end req:reply(200) end' >phone.lua
	serving phone.lua
	run --separate-stderr timeout 20 corun call.lua "sip:x@127.0.0.1:$port"
	[ "$status" -eq 0 ]
	[ "$output" = $'180\tRinging\n200\n200' ]
	stop "$pid"
	printf 'function request(req) req:reply(486) end' >busy.lua
	serving busy.lua
	run --separate-stderr timeout 20 corun call.lua "sip:x@127.0.0.1:$port"
	[ "$output" = 486 ]
}
