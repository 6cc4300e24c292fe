#!/usr/bin/env bats
# What sipd does with requests: good ones, repeated ones, broken ones, and those whose script fails.
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

@test "sipsak's OPTIONS gets 200 from the service that is built in" {
	start sipd sipd -l 127.0.0.1:0
	port=$(wait_for sipd.err 'listening on udp')
	port=${port##*:}
	run --separate-stderr sipsak -vv -s "sip:x@127.0.0.1:$port"
	[ "$status" -eq 0 ]
	[[ $output == *"SIP/2.0 200 OK"* ]]
	[[ $output == *"Allow: INVITE, ACK, CANCEL, OPTIONS"* ]]
}

@test "the service that is built in refuses what it does not do" {
	start sipd sipd -l 127.0.0.1:0
	port=$(wait_for sipd.err 'listening on udp')
	port=${port##*:}
	client "
		for _, m in ipairs { 'REGISTER', 'MESSAGE', 'BYE', 'INVITE' } do
			local r = c:ask(m, 'sip:nobody@127.0.0.1')
			print(m, r.status, r.reason, r.field.allow)
		end"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "REGISTER	405	Method Not Allowed	INVITE, ACK, CANCEL, OPTIONS" ]
	[ "${lines[1]}" = "MESSAGE	405	Method Not Allowed	INVITE, ACK, CANCEL, OPTIONS" ]
	[ "${lines[2]}" = "BYE	481	Call/Transaction Does Not Exist	nil" ]
	[ "${lines[3]}" = "INVITE	404	Not Found	nil" ]
}

@test "a script sees every part of a request, and a caller every part of its answer" {
	sipd_with '
		function request(req)
			local u, f, t = req.uri, req.from, req.to
			local seen = { req.method, u.scheme, u.user, u.host, u.port, u.params.transport, u.params.lr, t.headers.subject, f.display,
				f.user, f.tag, t.scheme, t.host, tostring(t.tag), req.call_id, req.cseq, req.transport, req.body, req:header("s"),
				#req:headers("contact"), req:headers("m")[2], tostring(req:header("nothing")), tostring(u), tostring(req),
				tostring(req.nothing) }
			req:reply(299, "Seen " .. req.source, { ["X-A"] = { "1", "2" }, Subject = "s" }, table.concat(seen, "|"))
		end'
	client "
		c.here = '192.0.2.1:5070'
		local r, text = c:ask('INFO', 'sip:b%6Fb:pw@Example.com:5061;transport=udp;lr', { From = '\"A \\\\\"B\\\\\"\" <sip:alice@x>;tag=f1',
			To = '<sips:t@[2001:db8::1]?subject=a%20b>;x=y', ['Call-ID'] = 'id@h', CSeq = '77 INFO', Subject = 'one\r\n  two', Contact = '<sip:a>, \"x, y\" <sip:b>' }, 'body')
		print(r.status, r.reason == 'Seen ' .. c.socket:localaddr(), r.field.subject)
		print((r.body:gsub('\r', '')))
		local port = c.socket:localaddr():match('%d+\$')
		print(r.field.via == 'SIP/2.0/UDP 192.0.2.1:5070;branch=' .. r.field.via:match('branch=([^;]*)') .. ';rport=' .. port .. ';received=127.0.0.1')
		print(text:find('X%-A: 1\r\nX%-A: 2\r\n') ~= nil, r.to.tag ~= nil, r.field['content-length'] == tostring(#r.body))"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "299	true	s" ]
	[ "${lines[1]}" = 'INFO|sip|bob|example.com|5061|udp||a b|A "B"|alice|f1|sips|[2001:db8::1]|nil|id@h|77|udp|body|one two|2|"x, y" <sip:b>|nil|sip:b%6Fb:pw@Example.com:5061;transport=udp;lr|INFO sip:b%6Fb:pw@Example.com:5061;transport=udp;lr|nil' ]
	[ "${lines[2]}" = "true" ]
	[ "${lines[3]}" = "true	true	true" ]
}

@test "answers come from the address that was asked, when sipd listens at all of them" {
	printf 'function request(req) if req.method == "INFO" then sleep(0.1) end req:reply(200) end' >script.lua
	start sipd sipd -l 0.0.0.0:0 script.lua
	port=$(wait_for sipd.err 'listening on udp') port=${port##*:}
	client "
		local right = 0
		for i = 1, 100 do
			local there = '127.0.1.' .. i .. ':$port'
			assert(c.socket:sendto(c:request(i % 10 == 0 and 'INFO' or 'OPTIONS', 'sip:x'), there))
			local _, from = c.socket:recvfrom(5)
			if from == there then right = right + 1 end
		end
		print(right)"
	[ "$output" = 100 ]
}

@test "a request that comes again starts nothing new and gets the same answer" {
	sipd_with '
		local n = 0
		function request(req) n = n + 1 sleep(0.3) req:reply(200, "Call " .. n) end'
	client "
		local text = c:request('OPTIONS', 'sip:x')
		for i = 1, 3 do c:send(text) end
		local _, first = c:receive()
		print(first:match('^[^\r]*'))
		print(c:receive(0.2))
		c:send(text)
		local _, again = c:receive()
		print(again == first)
		print(c:ask('OPTIONS', 'sip:x').reason)"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "SIP/2.0 200 Call 1" ]
	[ "${lines[1]}" = "nil" ]
	[ "${lines[2]}" = "true" ]
	[ "${lines[3]}" = "Call 2" ]
}

@test "a slow INVITE gets 100 Trying, its refusal is repeated until the ACK, a late ACK is no request" {
	sipd_with 'function request(req) assert(req.method == "INVITE") sleep(0.5) req:reply(486) end'
	client "
		local invite = c:request('INVITE', 'sip:x')
		local began = coop.now()
		c:send(invite)
		local r = c:receive()
		print(r.status, r.to.tag, coop.now() - began > 0.15)
		r = c:receive()
		print(r.status, r.to.tag ~= nil)
		r = c:receive()
		print('again', r.status)
		local ack = c:follow(invite, 'ACK', r.field.to)
		c:send(ack) c:send(ack)
		print(c:receive(1.5))"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "100	nil	true" ]
	[ "${lines[1]}" = "486	true" ]
	[ "${lines[2]}" = "again	486" ]
	[ "${lines[3]}" = "nil" ]
	[ "$(wc -l <sipd.err)" -eq 1 ]
}

@test "CANCEL: 200 for itself, 487 for the INVITE, and the script is told" {
	sipd_with '
		function request(req)
			sleep(0.4)
			local ok, why = req:reply(200)
			io.stderr:write("script: ", tostring(ok), " ", why, " ", tostring(req.cancelled), "\n")
		end'
	client "
		local invite = c:request('INVITE', 'sip:x')
		c:send(invite)
		local trying = c:receive()
		c:send(c:follow(invite, 'CANCEL'))
		local a, b = c:receive(), c:receive()
		if a.field.cseq:find('INVITE') then a, b = b, a end
		print(trying.status, a.status, a.field.cseq, b.status, b.field.cseq)
		c:send(c:follow(invite, 'ACK', b.field.to))
		print(c:ask('CANCEL', 'sip:nothing').status)"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "100	200	1 CANCEL	487	1 INVITE" ]
	[ "${lines[1]}" = "481" ]
	wait_for sipd.err '^script: nil .*cancelled.* true$'
}

@test "a malformed request gets the 400 that names the fault, or the 505" {
	sipd_with 'function request(req) req:reply(200) end'
	client "
		local function try(fields, method, uri)
			local r = c:ask(method or 'OPTIONS', uri or 'sip:x', fields)
			print(r.status, r.reason)
		end
		try { Via = 'nonsense' }
		try { CSeq = 'x OPTIONS' }
		try { CSeq = '1 INVITE' }
		try { ['Content-Length'] = '17' }
		try { ['Content-Length'] = '-1' }
		try { To = '\"unterminated <sip:x>' }
		try { ['Max-Forwards'] = 'many' }
		try({}, 'OPTIONS', 'sip:a b')
		c:send((c:request('OPTIONS', 'sip:x'):gsub('SIP/2.0\r', 'SIP/7.0\r', 1)))
		print(c:receive().status)"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 9 ]
	for i in 0 1 2 3 4 5 6 7; do [[ ${lines[i]} == "400	"?* && ${lines[i]} != *"Bad Request"* ]]; done
	[[ ${lines[0]} == *Via* && ${lines[1]} == *CSeq* && ${lines[2]} == *CSeq* && ${lines[3]} == *Content-Length* ]]
	[[ ${lines[4]} == *Content-Length* && ${lines[5]} == *To* && ${lines[6]} == *Max-Forwards* ]]
	[ "${lines[8]}" = 505 ]
	[ "$(grep -c 'sipd: bad OPTIONS from 127.0.0.1:' sipd.err)" -eq 9 ]
}

@test "what cannot be answered is dropped and logged, and keep-alives are not" {
	sipd_with 'function request(req) req:reply(200) end'
	client "
		c:send('hello') c:send('\0\1\2\27[2J') c:send('\r\n\r\n') c:send('')
		c:send(c:request('OPTIONS', 'sip:x', { Via = false }))
		c:send('SIP/2.0 200 OK\r\n\r\n')
		print(c:receive(0.3))
		print(c:ask('OPTIONS', 'sip:x').status)"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = nil ]
	[ "${lines[1]}" = 200 ]
	[ "$(grep -c 'sipd: bad' sipd.err)" -eq 4 ]
	run ! grep -q $'\033' sipd.err
}

@test "a script that fails, or says nothing, or says it badly: 500, and the log tells why" {
	sipd_with '
		local function deep() local t = nil return t.x end
		local does = {
			a = function() deep() end,
			b = function() sleep(0.05) deep() end,
			c = function() end,
			d = function(req) req:reply(200, nil, { ["X"] = "a\r\nVia: b" }) end,
			e = function(req) req:reply(99) end,
			f = function(req) req:redirect("no uri") end,
			g = function(req) req:reply(200, nil, { Via = "x" }) end,
			h = function() error({}) end,
		}
		function request(req) does[req.uri.user](req) end'
	client "
		for user in ('abcdefgh'):gmatch('.') do
			local r = c:ask('OPTIONS', ('sip:%s@x'):format(user))
			io.write(r.status, ' ')
		end
		print(c:ask('OPTIONS', 'sip:c@x').reason)"
	[ "$status" -eq 0 ]
	[ "$output" = "500 500 500 500 500 500 500 500 Server Internal Error" ]
	[ "$(grep -c "attempt to index a nil value (local 't')" sipd.err)" -eq 2 ]
	grep -q "in upvalue 'deep'" sipd.err
	grep -q 'returned without' sipd.err
}

@test "an answer that fits no datagram is refused, the largest that does is sent whole" {
	sipd_with '
		function request(req)
			local ok, why = req:reply(200, nil, ("x"):rep(tonumber(req.uri.user)))
			if not ok then req:reply(513, why) end
		end'
	client "
		for _, n in ipairs { 65000, 65300, 65500, 70000 } do
			local r = c:ask('OPTIONS', ('sip:%d@x'):format(n))
			print(r.status, #r.body, r.reason)
		end"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = $'200\t65000\tOK' ]
	[[ ${lines[2]} == $'513\t0\t'*long* ]]
	[[ ${lines[3]} == $'513\t0\t'*long* ]]
}

@test "the first final answer counts, provisional ones come before it" {
	sipd_with '
		function request(req)
			local a = req:reply(180)
			local b = req:reply(183, "Soon", { ["X-Y"] = "z" })
			local c = req:reply(200)
			local d, why = req:reply(404)
			local e = req:reply(180)
			io.stderr:write("script: ", tostring(a), " ", tostring(b), " ", tostring(c), " ", tostring(d), " ", tostring(e), " ", why, "\n")
		end'
	client "
		local invite = c:request('INVITE', 'sip:x', { ['Record-Route'] = '<sip:p;lr>' })
		c:send(invite)
		for i = 1, 3 do
			local r = c:receive()
			print(r.status, r.reason, r.to.tag, r.field['record-route'], r.field.contact)
		end
		print(c:receive(0.2))"
	[ "$status" -eq 0 ]
	tag=$(cut -f 3 <<<"${lines[0]}")
	[ "${lines[0]}" = "180	Ringing	$tag	<sip:p;lr>	<sip:127.0.0.1:$port>" ]
	[ "${lines[1]}" = "183	Soon	$tag	<sip:p;lr>	<sip:127.0.0.1:$port>" ]
	[ "${lines[2]}" = "200	OK	$tag	<sip:p;lr>	<sip:127.0.0.1:$port>" ]
	[ "${lines[3]}" = nil ]
	wait_for sipd.err '^script: true true true nil nil .*answered'
}

@test "a request that waits holds up no other, and one may live on after its answer" {
	sipd_with '
		function request(req)
			if req.uri.user == "slow" then sleep(1) end
			req:reply(200)
			sleep(0.1)
			if req.uri.user == "fast" then io.stderr:write("later: ", req.uri.user, " ", req:header("Call-ID"), "\n") end
		end'
	client "
		local began = coop.now()
		c:send(c:request('OPTIONS', 'sip:slow@x', { ['Call-ID'] = 'slow' }))
		local r = c:ask('OPTIONS', 'sip:fast@x', { ['Call-ID'] = 'fast' })
		print(r.call_id, coop.now() - began < 0.5)
		print(c:receive().call_id)"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "fast	true" ]
	[ "${lines[1]}" = "slow" ]
	wait_for sipd.err '^later: fast fast$'
}

# told TEXT: a line of the client's that waits until sipd's log has it
told() {
	printf 'repeat sleep(0.01) until io.open("sipd.err"):read("a"):find("%s")\n' "$1"
}

@test "SIGTERM: what is in work is finished, then sipd ends with 0" {
	sipd_with 'function request(req) io.stderr:write("taken\n") sleep(0.5) req:reply(200, "Finished") end'
	client "
		c:send(c:request('OPTIONS', 'sip:x'))
		$(told taken)
		assert(os.execute('kill -TERM $pid'))
		print(c:receive().reason)"
	[ "$status" -eq 0 ]
	[ "$output" = Finished ]
	ended "$pid"
	[ "$status" -eq 0 ]
}

# two within a tenth of a second are one that came twice
@test "SIGINT twice: what is in work gets 500, and sipd ends with 0 at once" {
	sipd_with 'function request(req) io.stderr:write("taken\n") sleep(60) end'
	client "
		c:send(c:request('OPTIONS', 'sip:x'))
		$(told taken)
		assert(os.execute('kill -INT $pid'))
		$(told 'ending: interrupted')
		sleep(0.3)
		assert(os.execute('kill -INT $pid'))
		local r
		repeat r = c:receive() until r.status ~= 100
		print(r.status)"
	[ "$status" -eq 0 ]
	[ "$output" = 500 ]
	ended "$pid"
	[ "$status" -eq 0 ]
}

@test "sipp's own client calls sip-uas.lua: nothing is lost, nothing unexpected" {
	start sipd sipd -l 127.0.0.1:0 "$top/scripts/examples/sip-uas.lua"
	port=$(wait_for sipd.err 'listening on udp')
	port=${port##*:}
	run timeout 60 sipp -sn uac "127.0.0.1:$port" -i 127.0.0.1 -p "$(free_port)" -r 1000 -m 500 -nostdin
	[ "$status" -eq 0 ]
	[[ $output == *"Successful call        |        0                  |      500"* ]]
	[ "$(wc -l <sipd.err)" -eq 1 ]
}

@test "the telephone of the example says so when it is asked for something else" {
	start sipd sipd -l 127.0.0.1:0 "$top/scripts/examples/sip-uas.lua"
	port=$(wait_for sipd.err 'listening on udp')
	port=${port##*:}
	client "
		print(c:ask('OPTIONS', 'sip:x').field.allow)
		print(c:ask('REGISTER', 'sip:x').status)
		local r = c:ask('INVITE', 'sip:x', { ['Content-Type'] = 'application/sdp' },
			'v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n')
		print(r.status, r.field['content-type'], r.body:match('m=[^\r]*'))"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "INVITE, ACK, BYE, CANCEL, OPTIONS" ]
	[ "${lines[1]}" = 405 ]
	[ "${lines[2]}" = "200	application/sdp	m=audio 0 RTP/AVP 0 8" ]
}

@test "a request that computes without end keeps nobody waiting" {
	sipd_with 'function request(req) if req.method == "INFO" then while true do end end req:reply(200) end'
	client "
		c:send(c:request('INFO', 'sip:busy@h'))
		sleep(0.05)
		for _ = 1, 5 do
			c:send(c:request('OPTIONS', 'sip:x@h'))
			assert(c:receive(20).status == 200)
		end
		print 'answered'
		os.exit(0)"
	[ "$status" -eq 0 ]
	[ "$output" = answered ]
	# a second signal does not wait for what is in work
	until_true told_to_end "$pid"
	ended "$pid"
	[ "$status" -eq 0 ]
	run ! grep 'still in work' sipd.err
}

told_to_end() { kill "$1" 2>/dev/null; is_gone "$1"; }
