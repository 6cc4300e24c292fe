#!/usr/bin/env bats
# sip.agent: requests out of scripts, with all that may come in between; and dns.locate.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# server SCRIPT: sipd with it at ports of the system's choice, in $udp and $tcp
server() {
	printf '%s\n' "$1" >server.lua
	start sipd sipd -l 127.0.0.1:0 -l tcp:127.0.0.1:0 server.lua
	udp=$(wait_for sipd.err '^sipd: listening on udp:') tcp=$(wait_for sipd.err '^sipd: listening on tcp:')
	udp=${udp#*udp:} tcp=${tcp#*tcp:}
}

# agent CHUNK: a corun script with a, an agent on UDP; say(r, err) prints what came of a request
agent() {
	cat >agent.lua <<-LUA
		local udp, tcp = '$udp', '$tcp'
		local a = assert(sip.agent('127.0.0.1:0'))
		local function say(r, err) print(r and r.status or r, r and r.reason or err) return r end
		$1
	LUA
	run --separate-stderr timeout 30 corun agent.lua
	printf 'agent: %s\n%s\nlog:\n%s\n' "$output" "$stderr" "$(cat sipd.err 2>/dev/null)"
}

@test "a request and its answer, over UDP and TCP; large ones by themselves over TCP" {
	server 'function request(req) req:reply(200, req.transport .. " " .. #req.body, { ["X-From"] = tostring(req.from), Contact = "<sip:c>" }) end'
	agent "
		local r = say(a:request { method = 'OPTIONS', uri = 'sip:x@y', target = udp })
		print(r:header('x-from') == 'sip:coop@' .. a:localaddr(), r:header('m'), r:header('none'))
		say(a:request { method = 'OPTIONS', uri = 'sip:x@y', target = 'tcp:' .. tcp, body = 'abc' })
		say(a:request { method = 'MESSAGE', uri = 'sip:x@y', target = udp, body = ('x'):rep(2000) })
		say(a:request { method = 'OPTIONS', uri = 'sip:' .. tcp .. ';transport=tcp' })
		say(a:request { method = 'OPTIONS', uri = 'sip:' .. udp })"
	[ "$status" -eq 0 ]
	# nobody listens over TCP at the UDP port: then it is UDP after all (18.1.1)
	[ "$output" = $'200\tudp 0\ntrue\t<sip:c>\tnil\n200\ttcp 3\n200\tudp 2000\n200\ttcp 0\n200\tudp 0' ]
}

@test "large requests go over TCP where it is spoken" {
	port=$(free_port)
	printf 'function request(req) req:reply(200, req.transport) end' >s.lua
	start sipd sipd -l "127.0.0.1:$port" -l "tcp:127.0.0.1:$port" s.lua
	wait_for sipd.err 'listening on tcp'
	udp=127.0.0.1:$port
	agent "
		say(a:request { method = 'MESSAGE', uri = 'sip:x@y', target = udp, body = ('x'):rep(1400) })
		say(a:request { method = 'MESSAGE', uri = 'sip:x@y', target = 'udp:' .. udp, body = ('x'):rep(1400) })
		say(a:request { method = 'MESSAGE', uri = 'sip:' .. udp, body = ('x'):rep(1400) })"
	[ "$output" = $'200\ttcp\n200\tudp\n200\ttcp' ]
}

@test "a call: provisional answers, the ACK, requests in the dialog" {
	server '
		function request(req)
			if req.method == "INVITE" then
				req:reply(180)
				return req:reply(200)
			end
			io.stderr:write(req.method, " ", tostring(req.uri), " ", tostring(req:header("Route")), " ", req.cseq, " ", tostring(req.to.tag ~= nil), "\n")
			req:reply(200)
		end'
	agent "
		local r = say(a:request { method = 'INVITE', uri = 'sip:x@y', target = udp, headers = { ['Record-Route'] = '<sip:' .. udp .. ';lr>' },
			provisional = function(p) print('provisional', p.status) end })
		sleep(0.7) -- without an ACK the 200 would come again
		say(a:request { method = 'BYE', dialog = r.dialog })
		say(a:request { method = 'INFO', dialog = r.dialog })"
	[ "$output" = $'provisional\t180\n200\tOK\n200\tOK\n200\tOK' ]
	grep -qx "BYE sip:$udp <sip:$udp;lr> 2 true" sipd.err
	grep -qx "INFO sip:$udp <sip:$udp;lr> 3 true" sipd.err
}

@test "digest answers: 401 and 407, MD5 and SHA-256; a wrong password is tried once" {
	cat >digest.lua <<-'LUA'
		-- a server that believes whoever answers its challenge; the hash is made by openssl
		local function hash(name, text)
			local f = io.popen(("printf '%%s' '%s' | openssl dgst -%s -r"):format(text, name))
			return f:read('l'):match('^%x+')
		end
		local tries = 0
		function request(req)
			local algorithm, code = req.uri.user, req.method == 'INFO' and 407 or 401
			local asked, answer = 'WWW-Authenticate', 'Authorization'
			if code == 407 then asked, answer = 'Proxy-Authenticate', 'Proxy-Authorization' end
			local got = req:header(answer)
			local challenge = ('Digest realm="r", nonce="n", qop="auth", algorithm=%s'):format(algorithm)
			if not got then return req:reply(code, { [asked] = { 'Basic realm="x"', challenge } }) end
			tries = tries + 1
			local name = algorithm == 'MD5' and 'md5' or 'sha256'
			local cnonce = got:match('cnonce="(%x+)"')
			local want = hash(name, table.concat({ hash(name, 'bob:r:secret'), 'n', '00000001', cnonce, 'auth', hash(name, req.method .. ':' .. tostring(req.uri)) }, ':'))
			if got:find('response="' .. want .. '"', 1, true) and req.cseq > 1 then return req:reply(200, 'Tries ' .. tries) end
			req:reply(code, { [asked] = challenge })
		end
	LUA
	start sipd sipd -l 127.0.0.1:0 digest.lua
	udp=$(wait_for sipd.err '^sipd: listening on udp:') udp=${udp#*udp:}
	agent "
		say(a:request { method = 'OPTIONS', uri = 'sip:MD5@y', target = udp, user = 'bob', password = 'secret' })
		say(a:request { method = 'INFO', uri = 'sip:SHA-256@y', target = udp, user = 'bob', password = 'secret' })
		say(a:request { method = 'OPTIONS', uri = 'sip:MD5@y', target = udp, user = 'bob', password = 'wrong' })
		say(a:request { method = 'OPTIONS', uri = 'sip:MD5@y', target = udp, user = 'bob', password = 'secret' })
		say(a:request { method = 'OPTIONS', uri = 'sip:MD5@y', target = udp })"
	[ "$output" = $'200\tTries 1\n200\tTries 2\n401\tUnauthorized\n200\tTries 4\n401\tUnauthorized' ]
}

@test "nobody answers, nobody listens, it takes too long, it is cancelled" {
	server 'function request(req) sleep(req.method == "INFO" and 20 or 60) req:reply(200) end'
	agent "
		say(a:request { method = 'OPTIONS', uri = 'sip:x', target = 'tcp:127.0.0.1:1' })
		say(a:request { method = 'OPTIONS', uri = 'sip:x', target = 'udp:127.0.0.1:1' })
		say(a:request { method = 'INVITE', uri = 'sip:x@[::1]:1' })
		say(a:request { method = 'OPTIONS', uri = 'sip:x@255.255.255.255' })
		say(a:request { method = 'INFO', uri = 'sip:x', target = udp, timeout = 0.1 })
		say(a:request { method = 'INVITE', uri = 'sip:x', target = udp, timeout = 0.1 })
		local co = spawn(function() a:request { method = 'INVITE', uri = 'sip:x', target = udp } end)
		sleep(0.5)
		coop.cancel(co)
		os.exit(0)"
	refused=$'nil\tConnection refused'
	[ "$output" = "$refused"$'\n'"$refused"$'\n'"$refused"$'\nnil\tPermission denied\nnil\ttimeout\n487\tRequest Terminated' ]
	kill -KILL "$pid" # it would wait for what is in work
	# silence, in virtual time
	cat >silent.lua <<-'LUA'
		local s = net.udp('127.0.0.1:0')
		local a = sip.agent()
		local began = coop.now()
		local n = 0
		spawn(function() while s:recvfrom(40) do n = n + 1 end print(n) end)
		print(a:request { method = 'OPTIONS', uri = 'sip:x', target = s:localaddr() })
		print(math.floor(coop.now() - began + 0.5))
	LUA
	run --separate-stderr timeout 20 corun -t silent.lua
	[ "$output" = $'nil\ttimeout\n32\n11' ]
}

@test "requests that come to an agent; without somebody to take them they are refused" {
	agent "
		local b = assert(sip.agent('127.0.0.1:0'))
		local at = b:localaddr()
		say(a:request { method = 'MESSAGE', uri = 'sip:x', target = at })
		local server = spawn(function()
			for req in b:requests() do
				if req.method == 'BYE' then req:reply(200) b:close() else req:reply(299, req.method .. ' ' .. req.body) end
			end
			print 'over'
		end)
		coop.yield()
		say(a:request { method = 'MESSAGE', uri = 'sip:x', target = at, body = 'hello' })
		say(a:request { method = 'BYE', uri = 'sip:x', target = at, timeout = 1 })
		local t = assert(sip.agent('tcp:127.0.0.1:0'))
		spawn(function() for req in t:requests() do req:reply(200, req.transport) end end)
		coop.yield()
		say(a:request { method = 'INFO', uri = 'sip:x', target = 'tcp:' .. t:localaddr() })
		t:close()
		print(pcall(t.request, t, { method = 'INFO', uri = 'sip:x', target = at }))"
	[ "${lines[0]}" = $'405\tMethod Not Allowed' ]
	[ "${lines[1]}" = $'299\tMESSAGE hello' ]
	[[ $output == *$'\nover\n'* ]]
	[[ $output == *$'\n200\ttcp\n'* ]]
	[[ ${lines[-1]} == $'false\t'*closed* ]]
}

@test "wrong requests raise errors that say what is wrong" {
	agent "
		for _, t in ipairs { {}, { method = 'OPTIONS' }, { method = 'A B', uri = 'sip:x' }, { method = 'INFO', uri = 'no uri' },
			{ method = 'INFO', uri = 'sip:x', headers = { Via = 'x' } }, { method = 'INFO', uri = 'sip:x', headers = { 'x' } },
			{ method = 'INFO', uri = 'sip:x', headers = { X = 'a\\r\\nb' } }, { method = 'INFO', uri = 'sip:x', body = {} } } do
			t.target = t.target or '127.0.0.1:9'
			local ok, why = pcall(a.request, a, t)
			print(ok, why)
		end
		print(sip.agent('203.0.113.77:1'))"
	[ "$(grep -c ^false <<<"$output")" -eq 8 ]
	[[ ${lines[1]} == *"uri: none was given"* && ${lines[4]} == *"Via is set by itself"* && ${lines[7]} == *"body: a string is wanted"* ]]
	[[ ${lines[8]} == nil* ]]
}

# zone: NSD with sip.zone, and a resolv.conf that names it
zone() {
	start_nsd sip.test "$top/t/data/sip.zone"
	echo "nameserver 127.0.0.1#$nsd_port" >conf
	echo '127.0.0.9 known.sip.test' >hosts
	export COOP_RESOLV_CONF=$PWD/conf COOP_HOSTS=$PWD/hosts
}

@test "dns.locate: NAPTR, SRV, A and AAAA, as RFC 3263 has them" {
	zone
	cat >locate.lua <<-'LUA'
		for _, uri in ipairs(arg) do
			local list, err = dns.locate(uri)
			if not list then print(uri, err) end
			for _, p in ipairs(list or {}) do print(uri, p.transport, p.host, p.addr, p.port) end
		end
	LUA
	run --separate-stderr timeout 30 corun locate.lua full.sip.test 'sip:full.sip.test;transport=udp' sips:full.sip.test sip:srv.sip.test sip:plain.sip.test \
		'sip:plain.sip.test:5099;transport=tcp' 'sip:plain.sip.test;transport=tcp' sip:none.sip.test sip:lost.sip.test sip:no.such.sip.test sip:192.0.2.1:7 'sip:[2001:db8::1]' tel:+1 \
		'sip:x;transport=sctp' 'sip:b.sip.test:5070' 'sip:known.sip.test:5070;transport=tcp'
	[ "$status" -eq 0 ]
	diff - <(printf '%s\n' "$output") <<-'END'
		full.sip.test	tls	a.sip.test	127.0.0.1	5074
		full.sip.test	tls	a.sip.test	127.0.0.2	5074
		full.sip.test	tcp	a.sip.test	127.0.0.1	5073
		full.sip.test	tcp	a.sip.test	127.0.0.2	5073
		full.sip.test	udp	a.sip.test	127.0.0.1	5071
		full.sip.test	udp	a.sip.test	127.0.0.2	5071
		full.sip.test	udp	b.sip.test	127.0.0.3	5072
		full.sip.test	udp	b.sip.test	::1	5072
		sip:full.sip.test;transport=udp	udp	a.sip.test	127.0.0.1	5071
		sip:full.sip.test;transport=udp	udp	a.sip.test	127.0.0.2	5071
		sip:full.sip.test;transport=udp	udp	b.sip.test	127.0.0.3	5072
		sip:full.sip.test;transport=udp	udp	b.sip.test	::1	5072
		sips:full.sip.test	tls	a.sip.test	127.0.0.1	5074
		sips:full.sip.test	tls	a.sip.test	127.0.0.2	5074
		sip:srv.sip.test	udp	a.sip.test	127.0.0.1	5081
		sip:srv.sip.test	udp	a.sip.test	127.0.0.2	5081
		sip:srv.sip.test	tcp	b.sip.test	127.0.0.3	5082
		sip:srv.sip.test	tcp	b.sip.test	::1	5082
		sip:plain.sip.test	udp	plain.sip.test	127.0.0.4	5060
		sip:plain.sip.test:5099;transport=tcp	tcp	plain.sip.test	127.0.0.4	5099
		sip:plain.sip.test;transport=tcp	tcp	plain.sip.test	127.0.0.4	5060
		sip:none.sip.test	NODATA
		sip:lost.sip.test	NXDOMAIN
		sip:no.such.sip.test	NXDOMAIN
		sip:192.0.2.1:7	udp	192.0.2.1	192.0.2.1	7
		sip:[2001:db8::1]	udp	2001:db8::1	2001:db8::1	5060
		tel:+1	no sip URI
		sip:x;transport=sctp	unknown transport
		sip:b.sip.test:5070	udp	b.sip.test	127.0.0.3	5070
		sip:b.sip.test:5070	udp	b.sip.test	::1	5070
		sip:known.sip.test:5070;transport=tcp	tcp	known.sip.test	127.0.0.9	5070
	END
}

@test "dns.locate: weights of SRV are chances" {
	zone
	cat >heavy.lua <<-'LUA'
		local first, last = {}, {}
		for i = 1, 1000 do
			local list = dns.locate('sip:heavy.sip.test;transport=udp')
			assert(#list == 6)
			first[list[1].port] = (first[list[1].port] or 0) + 1
		end
		print((first[5001] or 0) < 60, first[5002] > 40 and first[5002] < 200, first[5003] > 750)
	LUA
	run --separate-stderr timeout 30 corun heavy.lua
	[ "$output" = $'true\ttrue\ttrue' ]
}

@test "the next server is asked when one fails: refused, silent, or busy" {
	zone
	port=$(free_port)
	cat >zone2 <<-END
		\$ORIGIN fail.test.
		\$TTL 60
		@ IN SOA ns host 1 7200 3600 1209600 300
		@ IN NS ns
		ns IN A 127.0.0.1
		_sip._tcp.x IN SRV 1 0 1 one
		_sip._tcp.x IN SRV 2 0 $port one
		_sip._tcp.x IN SRV 3 0 $((port + 1)) one
		_sip._udp.x IN SRV 1 0 1 one
		_sip._udp.x IN SRV 2 0 $((port + 1)) one
		one IN A 127.0.0.1
	END
	start_nsd fail.test "$PWD/zone2"
	echo "nameserver 127.0.0.1#$nsd_port" >conf
	printf 'function request(req) req:reply(req.uri.user == "x" and 503 or 200) end' >busy.lua
	printf 'function request(req) req:reply(200, "Third") end' >good.lua
	start busy sipd -l "tcp:127.0.0.1:$port" busy.lua
	start good sipd -l "udp:127.0.0.1:$((port + 1))" -l "tcp:127.0.0.1:$((port + 1))" good.lua
	wait_for busy.err listening
	wait_for good.err 'listening on tcp'
	agent "
		say(a:request { method = 'OPTIONS', uri = 'sip:x@x.fail.test;transport=tcp' })
		say(a:request { method = 'OPTIONS', uri = 'sip:y@x.fail.test;transport=tcp' })
		say(a:request { method = 'OPTIONS', uri = 'sip:x@x.fail.test;transport=udp' })
		say(a:request { method = 'OPTIONS', uri = 'sip:nowhere.fail.test' })"
	[ "$output" = $'200\tThird\n200\tOK\n200\tThird\nnil\tNXDOMAIN' ]
}
