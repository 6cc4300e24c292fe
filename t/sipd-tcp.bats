#!/usr/bin/env bats
# SIP over TCP: where messages end, what becomes of connections, and what a peer can do to them.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# sipd_with SCRIPT [ADDRESS]: starts sipd with it on TCP, at a port of the system's choice; the address in $at
sipd_with() {
	printf '%s\n' "$1" >script.lua
	start sipd sipd -l "tcp:${2-127.0.0.1:0}" script.lua
	at=$(wait_for sipd.err '^sipd: listening on tcp:.*:[1-9]')
	at=${at#*tcp:}
}

# client CHUNK: a corun script; what it prints in $output. It has
#   text(method [, fields [, body]])   a request with Content-Length, whose Call-ID and branch are new
#   read(conn)                         the next message as sip.parse gives it, with .field; nil at the end
client() {
	cat >client.lua <<-'LUA'
		local at, n = arg[1], 0
		function text(method, fields, body)
			n = n + 1
			fields, body = fields or {}, body or ''
			local all = { ['Via'] = 'SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK' .. n, ['Max-Forwards'] = '70', From = '<sip:a@b>;tag=' .. n, To = '<sip:c@d>',
				['Call-ID'] = 'id' .. n, CSeq = '1 ' .. method, ['Content-Length'] = #body }
			for k, v in pairs(fields) do all[k] = v or nil end
			local lines = { method .. ' sip:x@y SIP/2.0' }
			for k, v in pairs(all) do if v ~= '' then lines[#lines + 1] = k .. ': ' .. v end end
			return table.concat(lines, '\r\n') .. '\r\n\r\n' .. body
		end
		function connect() return assert(net.connect(at, 5)) end
		function read(conn)
			local lines = {}
			conn:settimeout(5)
			repeat
				local line = conn:read('L')
				if not line then return nil end
				lines[#lines + 1] = line
			until line == '\r\n' and #lines > 1
			local head = table.concat(lines)
			local n = tonumber(head:match('\nContent%-Length: (%d+)'))
			local body = n > 0 and conn:read(n)
			-- the answer to what is broken is so itself
			local status, reason = head:match('SIP/2%.0 (%d+) ([^\r]*)')
			local m = sip.parse(head .. (body or '')) or { status = tonumber(status), reason = reason, headers = {} }
			m.field = {}
			for _, h in ipairs(m.headers) do m.field[h.name:lower()] = h.value end
			return m
		end
	LUA
	printf '%s\n' "$1" >>client.lua
	run --separate-stderr timeout 30 corun client.lua "$at"
	printf 'client: %s\n%s\nlog:\n%s\n' "$output" "$stderr" "$(cat sipd.err)"
}

ok='function request(req) req:reply(200, nil, req.body) end'

@test "requests one after another, all at once, and a byte a time" {
	sipd_with "$ok"
	client "
		local c = connect()
		for i = 1, 3 do c:write(text('OPTIONS')) print(read(c).status) end
		local many = {}
		for i = 1, 100 do many[i] = text('MESSAGE', nil, ('x'):rep(i)) end
		c:write(table.concat(many))
		local sum = 0
		for i = 1, 100 do sum = sum + #read(c).body end
		print(sum)
		for byte in text('MESSAGE', nil, 'slowly\r\n\r\n'):gmatch('.') do c:write(byte) coop.yield() end
		print(#read(c).body)"
	[ "$output" = $'200\n200\n200\n5050\n10' ]
}

@test "pings are answered, single line ends between messages are not (RFC 5626)" {
	sipd_with "$ok"
	client "
		local c = connect()
		c:write('\r\n\r\n')
		print(c:read(2) == '\r\n')
		c:write('\r\n' .. text('OPTIONS') .. '\r\n')
		print(read(c).status)
		c:write('\n')
		c:write(text('OPTIONS'))
		print(read(c).status)
		c:write('\r\n\r\n\r\n\r\n')
		print(c:read(4) == '\r\n\r\n')"
	[ "$output" = $'true\n200\n200\ntrue' ]
	[ "$(wc -l <sipd.err)" -eq 1 ]
}

@test "where the end of a message is not known: 400, or 513, and the connection ends" {
	sipd_with "$ok"
	client "
		local function try(bytes)
			local c = connect()
			c:write(bytes)
			local r = read(c)
			print(r and r.status, r and r.reason, (r and read(c)) == nil)
		end
		try(text('OPTIONS', { ['Content-Length'] = '' }))
		try(text('OPTIONS', { ['Content-Length'] = 'x' }))
		try(text('OPTIONS', { ['Content-Length'] = '70000' }))
		try(text('OPTIONS', { ['X'] = ('x'):rep(70000) }))
		try('hello\r\n\r\n')
		try(('x'):rep(70000))"
	[ "${lines[0]}" = $'400\tno Content-Length on a stream\ttrue' ]
	[ "${lines[1]}" = $'400\tbad Content-Length\ttrue' ]
	[ "${lines[2]}" = $'513\tMessage Too Large\ttrue' ]
	[[ ${lines[3]} == *$'\ttrue' ]]
	[ "${lines[4]}" = $'nil\tnil\ttrue' ]
	[ "${lines[5]}" = $'nil\tnil\ttrue' ]
	[ "$(grep -c 'sipd: bad' sipd.err)" -eq 6 ]
}

@test "a bad message whose end is known costs only itself" {
	sipd_with "$ok"
	client "
		local c = connect()
		c:write(text('OPTIONS', { CSeq = 'x OPTIONS' }) .. text('OPTIONS'))
		print(read(c).status, read(c).status)"
	[ "$output" = $'400\t200' ]
}

@test "a peer that has sent its end still gets its answers, then the connection ends" {
	sipd_with 'function request(req) sleep(0.2) req:reply(200) end'
	client "
		local c = connect()
		c:write(text('OPTIONS') .. text('OPTIONS'))
		c:shutdown()
		print(read(c).status, read(c).status, read(c))
		-- nothing to answer: the end comes at once
		local d = connect()
		local began = coop.now()
		d:shutdown()
		print(read(d), coop.now() - began < 0.2)"
	[ "$output" = $'200\t200\tnil\nnil\ttrue' ]
}

@test "an answer whose connection has gone is sent to where Via says that its sender listens" {
	sipd_with 'function request(req) sleep(0.3) req:reply(200, "On another") end'
	client "
		local l = net.listen('127.0.0.1:0')
		local port = l:localaddr():match('%d+\$')
		local c = connect()
		c:write(text('OPTIONS', { Via = 'SIP/2.0/TCP 127.0.0.1:' .. port .. ';rport;branch=z9hG4bKgone' }))
		c:write(text('MESSAGE', { Via = 'SIP/2.0/TCP 127.0.0.1:' .. port .. ';branch=z9hG4bKgone2' }))
		c:close()
		local back = l:accept(5)
		print(read(back).reason, read(back).reason)
		-- nobody there: it is lost, and nothing else is
		local d = connect()
		d:write(text('OPTIONS', { Via = 'SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bKlost' }))
		d:close()
		sleep(0.4)
		local e = connect()
		e:write(text('OPTIONS'))
		print(read(e).status)"
	[ "$output" = $'On another\tOn another\n200' ]
}

@test "a slow INVITE on TCP: 100, its refusal once, its acceptance until the ACK" {
	sipd_with 'function request(req) sleep(0.3) req:reply(tonumber(req:header("X"))) end'
	client "
		local c = connect()
		c:write(text('INVITE', { X = 486 }))
		print(read(c).status, read(c).status)
		c:settimeout(0.7)
		print((c:read(1)))
		c:write(text('INVITE', { X = 200 }))
		print(read(c).status)
		local r = read(c)
		print(r.status, r.field.contact == '<sip:' .. arg[1] .. ';transport=tcp>', read(c).status)
		c:write(text('ACK', { ['Call-ID'] = r.call_id, From = r.field.from, To = r.field.to }))
		c:settimeout(1.2)
		print((c:read(1)))"
	[ "$output" = $'100\t486\nnil\n100\n200\ttrue\t200\nnil' ]
}

@test "an INVITE that comes again on another connection gets its answer there" {
	sipd_with 'function request(req) req:reply(302, { Contact = "<sip:elsewhere>" }) end'
	client "
		local invite = text('INVITE')
		local c = connect()
		c:write(invite)
		print(read(c).status)
		c:close()
		local d = connect()
		d:write(invite)
		print(read(d).status)"
	[ "$output" = $'302\n302' ]
}

@test "resets, and answers that nobody reads" {
	sipd_with 'function request(req) req:reply(200, nil, ("x"):rep(60000)) end'
	client "
		for i = 1, 20 do
			local c = connect()
			c:write(text('OPTIONS'))
			if i % 2 == 0 then c:read(1) end
			c:close() -- what it has not read makes this a reset
		end
		local deaf = connect()
		deaf:settimeout(5)
		local ok, why
		for i = 1, 100000 do
			ok, why = deaf:write(text('OPTIONS', { X = ('x'):rep(20000) }))
			if not ok then break end
			coop.yield()
		end
		print(ok)
		local c = connect()
		c:write(text('OPTIONS'))
		-- a slow machine has so much to answer that a 100 comes first
		local r
		repeat r = read(c) until not r or r.status >= 200
		print(#r.body)"
	[ "${lines[0]}" = nil ]
	[ "${lines[1]}" = 60000 ]
}

@test "IPv6; req.transport and req.source" {
	sipd_with 'function request(req) req:reply(200, req.transport .. " " .. req.source) end' '[::1]:0'
	client "
		local c = connect()
		c:write(text('OPTIONS', { Via = 'SIP/2.0/TCP [::1]:9;branch=z9hG4bK6' }))
		local r = read(c)
		print(r.reason == 'tcp ' .. c:localaddr(), r.field.via:find('received') == nil)"
	[ "$output" = $'true\ttrue' ]
}

@test "SIGTERM: what came on a connection is answered, then sipd ends" {
	sipd_with 'function request(req) io.stderr:write("taken\n") sleep(0.4) req:reply(200, "Finished") end'
	client "
		local c = connect()
		c:write(text('OPTIONS'))
		repeat sleep(0.01) until io.open('sipd.err'):read('a'):find('taken')
		assert(os.execute('kill -TERM $pid'))
		print(read(c).reason, read(c))"
	[ "$output" = $'Finished\tnil' ]
	ended "$pid"
	[ "$status" -eq 0 ]
}

@test "sipp over TCP: all calls on one connection, and one for each" {
	start sipd sipd -l tcp:127.0.0.1:0 "$top/scripts/examples/sip-uas.lua"
	at=$(wait_for sipd.err 'listening on tcp')
	at=${at#*tcp:}
	for how in t1 tn; do
		run timeout 60 sipp -sn uac "$at" -i 127.0.0.1 -p "$(free_port)" -t "$how" -max_socket 900 -r 1000 -m 500 -nostdin
		[ "$status" -eq 0 ]
		[[ $output == *"Successful call        |        0                  |      500"* ]]
	done
	[ "$(wc -l <sipd.err)" -eq 1 ]
}

@test "without -l: udp and tcp at port 5060 of every address" {
	corun - <<<"local a, b = net.udp('0.0.0.0:5060'), net.listen('0.0.0.0:5060') os.exit(a and b and 0 or 1)" || return 0
	start sipd sipd
	until_true all_four
}

all_four() {
	for a in udp:0.0.0.0:5060 tcp:0.0.0.0:5060; do grep -qxF "sipd: listening on $a" sipd.err || return 1; done
}
