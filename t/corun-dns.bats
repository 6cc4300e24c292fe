#!/usr/bin/env bats
# The module dns: messages as tables, questions that suspend one coroutine alone.

load lib

mock() {
	start mock corun "$top/t/mock/dns.lua"
	at=$(wait_for mock.out '^127')
}

# serve: NSD, and a resolv.conf that names it
serve() {
	start_nsd example.test "$top/t/data/example.zone" e164.arpa "$top/t/data/e164.arpa.zone"
	echo "nameserver 127.0.0.1#$nsd_port" >conf
	export COOP_RESOLV_CONF=$PWD/conf
}

@test "encode and decode: every field of every type comes back" {
	run -0 corun "$top/t/lua/dns-messages.lua"
	[ "$output" = ok ]
}

@test "encode and decode: the fields of every type, faults in them, and messages with bytes changed" {
	run -0 --separate-stderr corun "$top/t/lua/dns-types.lua" 20000 "$top/man/coop-dns.3"
	[ "$output" = ok ]
}

@test "encode: what is wrong is said with its place" {
	cat >script.lua <<-'END'
		local function r(t) return { answers = { { name = 'a', type = 'A', address = '1.2.3.4' }, t } } end
		for _, t in ipairs {
		  { id = 70000 }, { id = 'x' }, { opcode = 'nope' }, { rcode = {} }, { question = { type = 'A' } },
		  { question = { name = 'a..b' } }, r { type = 'A' }, r { name = 'a' }, r { name = 'a', type = 'NOPE' },
		  r { name = 'a', type = 'A' }, r { name = 'a', type = 'A', address = '1.2.3' }, r { name = 'a', type = 'MX', preference = -1 },
		  r { name = 'a', type = 'MX', preference = 1, exchange = 1 }, r { name = 'a', type = 'TXT', txt = {} },
		  r { name = 'a', type = 'TXT', txt = ('x'):rep(256) }, r { name = 'a', type = 'CAA', flags = 0, tag = 'a b', value = '' },
		  r { name = 'a', type = 'A', text = '1.2.3.4 5' }, r { name = 'a', type = 'A', ttl = 1.5, address = '1.2.3.4' }, r(7),
		  { edns = { size = 'x' } },
		} do print(select(2, dns.encode(t))) end
		local many = {}
		for i = 1, 300 do many[i] = { name = 'a', type = 'TXT', txt = ('x'):rep(255) } end
		print(dns.encode { answers = many })
		print(pcall(dns.encode, 'x'))
	END
	run -0 --separate-stderr corun script.lua
	diff - <(echo "$output") <<-'END'
		id: out of range
		id: a whole number is wanted
		opcode: unknown
		rcode: unknown
		question.name: a name is wanted
		question.name: empty label
		answers[2].name: a name is wanted
		answers[2].type: missing
		answers[2].type: unknown
		answers[2].address: missing
		answers[2].address: bad IPv4 address
		answers[2].preference: out of range
		answers[2].exchange: a string is wanted
		answers[2].txt: at least one string is wanted
		answers[2].txt: more than 255 bytes
		answers[2].tag: letters and digits are wanted
		answers[2].text: too many fields
		answers[2].ttl: a whole number is wanted
		answers[2].record: a table is wanted
		edns.size: a whole number is wanted
		nil	message too long
		false	bad argument #1 to 'dns.encode' (table expected, got string)
	END
}

@test "decode: any bytes give a table or nil and why" {
	run -0 corun -e '
		local good = dns.encode { id = 1, question = { name = "a.b", type = "MX" }, answers = { { name = "a.b", type = "MX", text = "1 c." } } }
		print(dns.decode("")) print(dns.decode(good:sub(1, -2)))
		for i = 1, #good do for b = 0, 255, 3 do dns.decode(good:sub(1, i - 1) .. string.char(b) .. good:sub(i + 1)) end end
		for i = 1, 3000 do local t = {} for j = 1, i % 90 do t[j] = string.char(math.random(0, 255)) end dns.decode(table.concat(t)) end
		print(pcall(dns.decode))'
	[ "${lines[0]}" = $'nil\tshorter than a header at byte 0' ]
	[ "${lines[1]}" = $'nil\trdata cut short at byte 33' ]
	[ "${#lines[@]}" = 3 ]
}

@test "query: records, message, and every way to fail" {
	serve
	run -0 --separate-stderr corun -e '
		local l, m = dns.query("web.example.test")
		print(#l, l[1].name, l[1].type, l[1].class, l[1].ttl, l[1].address, m.rcode, m.aa, m.question.name, #m.answers)
		local l, m = dns.query("www.example.test", "A")
		print(#l, #m.answers, m.answers[1].cname)
		print(dns.query("example.test.", 15)[1].exchange, #dns.query("example.test", "TYPE2"))
		local l, e, m = dns.query("nowhere.example.test", "A") print(l, e, m.nameservers[1].type)
		local l, e, m = dns.query("ns2.example.test", "MX") print(l, e, m.rcode)
		print((select(2, dns.query("elsewhere.test"))))
		print(dns.query("localhost")[1].address, dns.query("a.localhost.", "AAAA")[1].address, (select(2, dns.query("localhost", "MX"))))
		print(dns.query("a..b"))
		print(#dns.query("big.example.test"))
		print(pcall(dns.query, "x", "NOPE"))
		print(pcall(dns.query, "x", 65536))
		print(pcall(dns.query, "x", "A", { timeout = "x" }))'
	diff - <(echo "$output") <<-'END'
		2	web.example.test.	A	IN	300	192.0.2.80	NOERROR	true	web.example.test.	2
		2	3	web.example.test.
		mail.example.test.	2
		nil	NXDOMAIN	SOA
		nil	NODATA	NOERROR
		REFUSED
		127.0.0.1	::1	NODATA
		nil	empty label
		120
		false	bad argument #2 to 'dns.query' (unknown type 'NOPE')
		false	bad argument #2 to 'dns.query' (no such type)
		false	bad argument #3 to 'dns.query' (timeout: seconds are wanted)
	END
}

@test "query suspends its coroutine alone; a thousand at once" {
	mock
	run -0 --separate-stderr corun - "$at" <<-'END'
		local r = dns.resolver { servers = arg[1] }
		local began, n = coop.now(), 0
		for i = 1, 100 do
		  spawn(function() if r:query('late-200.n' .. i .. '.x') then n = n + 1 end end)
		end
		local ticks = 0
		while n < 100 do sleep(0.01) ticks = ticks + 1 end
		local took = coop.now() - began
		print(n, took >= 0.2 and took < 1, ticks > 10)
	END
	[ "$output" = $'100\ttrue\ttrue' ]
}

@test "a resolver's timeout and attempts; the timeout of a question; cancelling" {
	mock
	run -0 --separate-stderr corun - "$at" <<-'END'
		local r = dns.resolver { servers = { arg[1] }, timeout = 0.1, attempts = 2 }
		local function timed(f, ...) local t = coop.now() local a, b = f(...) return a, b, math.floor((coop.now() - t) * 10 + 0.5) end
		print(timed(r.query, r, 'silent.x'))
		local slow = dns.resolver { servers = arg[1], timeout = 5 }
		print(timed(slow.query, slow, 'silent.x', 'A', { timeout = 0.3 }))
		print(timed(slow.query, slow, 'broken.x', 'A', { timeout = 0.1 }))
		print(r:query('broken.x'))
		local co = spawn(function() slow:query('silent.x') end)
		sleep(0.05)
		coop.cancel(co)
		print(coop.join(co))
		local gen = coroutine.wrap(function() coroutine.yield((slow:query('a.x'))[1].address) end)
		print(gen())
	END
	diff - <(echo "$output") <<-'END'
		nil	timeout	2
		nil	timeout	3
		nil	timeout	1
		nil	malformed
		false	cancelled
		192.0.2.1
	END
}

@test "dnssec, recurse and tcp are told to the server" {
	mock
	run -0 corun - "$at" <<-'END'
		local r, t = dns.resolver { servers = arg[1] }, dns.resolver { servers = arg[1], tcp = true }
		r:query('d.x', 'A', { dnssec = true })
		t:query('t.x')
		print((select(2, r:query('p.x'))).rd, (select(2, r:query('q.x', 'A', { recurse = false }))).rd)
	END
	[ "$output" = $'true\tfalse' ]
	grep -qx 'udp d.x. A edns do' mock.out
	grep -qx 'tcp t.x. A edns' mock.out
}

@test "enum: the list, best first; what is no number, and what has no rules" {
	serve
	run -0 --separate-stderr corun - <<-'END'
		for _, r in ipairs(dns.enum('+44 20 7946 0148')) do print(r.uri, r.service, r.order, r.preference) end
		for _, r in ipairs(dns.enum('4930', 'e164.arpa.', { timeout = 5 })) do print(r.uri) end
		print(dns.enum('+999')) print(dns.enum('+1')) print(dns.enum('+7')) print(dns.enum('abc')) print(dns.enum('1', 'a..b'))
		print(dns.enum('12', 'example.test')) print(dns.enum('12', { timeout = 5 }))
		print(pcall(dns.enum))
	END
	diff - <(echo "$output") <<-'END'
		sip:0148@example.test	E2U+sip	100	10
		mailto:info@example.test	E2U+email:mailto	100	20
		sip:4930@first.test
		sip:4930@second.test
		tel:+49309
		nil	NXDOMAIN
		nil	NODATA
		nil	NODATA
		nil	not a telephone number
		nil	empty label
		nil	NXDOMAIN
		nil	NXDOMAIN
		false	bad argument #1 to 'dns.enum' (string expected, got nil)
	END
}

@test "resolver: wrong servers and figures are errors that quote them" {
	run -0 corun - <<-'END'
		for _, t in ipairs { { servers = 'nonsense' }, { servers = { 7 } }, { timeout = 0 }, { timeout = 1e9 }, { attempts = 0 }, { attempts = 99 },
		  { cache = 'x' }, { cache = 1000 } } do
		  print(select(2, pcall(dns.resolver, t)))
		end
	END
	[[ ${lines[0]} == *"bad server 'nonsense'"* ]]
	[[ ${lines[1]} == *"bad server '7'"* ]]
	[[ ${lines[2]} == *"timeout: seconds are wanted"* ]]
	[[ ${lines[3]} == *"timeout: too long"* ]]
	[[ ${lines[4]} == *"attempts: out of range"* ]]
	[[ ${lines[5]} == *"attempts: out of range"* ]]
	[[ ${lines[6]} == *"cache: bytes are wanted, 65536 to 1073741824, or false"* ]]
	[[ ${lines[7]} == *"cache: bytes are wanted"* ]]
}

@test "mixcase and cookies: on when asked for, off on the loopback; names come back as they were asked for" {
	mock
	run -0 --separate-stderr corun - "$at" <<-'END'
		local loop = dns.resolver { servers = arg[1], cache = false }
		local r = dns.resolver { servers = arg[1], cache = false, mixcase = true, cookies = true }
		loop:query 'abcdefghijklmnopqrstuvwxyz.x'
		for i = 1, 4 do
		  local l, m = r:query('abcdefghijklmnopqrstuvwxyz.Mixed')
		  print(l[1].name, m.question.name)
		end
		print((r:query 'lower.abcdefghijklmnopqrstuvwxyz')[1].name)
		print((r:query 'lower.second')[1].name)
	END
	[ "${#lines[@]}" = 6 ]
	[ "${lines[0]}" = $'abcdefghijklmnopqrstuvwxyz.Mixed.\tabcdefghijklmnopqrstuvwxyz.Mixed.' ]
	[ "${lines[3]}" = "${lines[0]}" ]
	[ "${lines[4]}" = lower.abcdefghijklmnopqrstuvwxyz. ]
	grep -qx 'udp abcdefghijklmnopqrstuvwxyz.x. A edns' mock.out
	[ "$(grep -ci 'mixed.*cookie' mock.out)" = 4 ]
	[ "$(grep -i 'mixed.*cookie' mock.out | sort -u | wc -l)" = 4 ]
	# over TCP the server is known by its own way, and from then on asked as it likes it
	[ "$(grep -ci 'tcp lower.abcd' mock.out)" = 1 ]
	[ "$(grep -c 'udp lower.second. A edns cookie' mock.out)" = 1 ]
}

@test "the cache: a question goes out once, its TTL runs down, equal ones share; with cache=false each goes out" {
	mock
	run -0 --separate-stderr corun - "$at" <<-'END'
		local r = dns.resolver { servers = arg[1] }
		print((r:query 'a.x')[1].ttl)
		sleep(1.1)
		print((r:query 'A.x')[1].ttl, (r:query 'A.x')[1].name)
		local n, g = 0, coop.group()
		for i = 1, 50 do g:spawn(function() if r:query 'late-100.x' then n = n + 1 end end) end
		g:wait()
		print(n)
		local exact = dns.resolver { servers = arg[1], cache = false }
		exact:query 'b.x' exact:query 'b.x'
	END
	[ "$output" = $'60\n59\tA.x.\n50' ]
	[ "$(grep -ci 'udp a.x' mock.out)" = 1 ]
	[ "$(grep -c 'udp late-100.x' mock.out)" = 1 ]
	[ "$(grep -c 'udp b.x' mock.out)" = 2 ]
}

@test "mixcase and cookies with NSD: both come back" {
	nsd_options='answer-cookie: yes'
	serve
	run -0 --separate-stderr corun - "127.0.0.1:$nsd_port" <<-'END'
		local r = dns.resolver { servers = arg[1], cookies = true, mixcase = true, cache = false }
		for i = 1, 3 do
		  local l, m = r:query 'WWW.example.test'
		  print(#l, m.question.name, m.edns.options[1].code, #m.edns.options[1].data)
		end
		local _, e = r:query 'Nowhere.example.test'
		print(e, #r:query 'big.example.test', r:stats().ignored, r:stats().connections)
	END
	diff - <(echo "$output") <<-'END'
		2	WWW.example.test.	10	24
		2	WWW.example.test.	10	24
		2	WWW.example.test.	10	24
		NXDOMAIN	120	0	1
	END
}

@test "a resolver counts what it does, and knows its servers" {
	mock
	port=$(free_port)
	run -0 --separate-stderr corun - "$at" "127.0.0.1:$port" <<-'END'
		local r = dns.resolver { servers = { arg[2], arg[1] }, timeout = 1, attempts = 2 }
		for i = 1, 5 do r:query('a' .. i .. '.x') end
		r:query 'a1.x' r:query 'forged.x'
		print(table.concat(r:addresses 'localhost', ' '), table.concat(r:addresses 'b.x', ' '))
		local s = r:stats()
		print(s.hits, s.stale, s.shared, s.renewed, s.connections, s.ignored, s.sent >= 8)
		print(s.servers[1].address == arg[2], s.servers[1].rtt, s.servers[2].address == arg[1], s.servers[2].rtt > 0, s.servers[2].down)
	END
	[ "${lines[0]}" = $'127.0.0.1 ::1\t192.0.2.1' ]
	[ "${lines[1]}" = $'1\t0\t0\t0\t0\t3\ttrue' ]
	[ "${lines[2]}" = $'true\tnil\ttrue\ttrue\tfalse' ]
}

@test "the cache: what is out of date is better than a server that has gone" {
	run -0 --separate-stderr corun -t - <<-'END'
		local ns = net.udp('127.0.0.1:0')
		spawn(function()
		  local packet, from = ns:recvfrom()
		  local q = dns.decode(packet)
		  ns:sendto(dns.encode { id = q.id, query = false, question = q.question,
		    answers = { { name = 'a.x', type = 'A', ttl = 60, address = '192.0.2.7' } } }, from)
		end)
		local r = dns.resolver { servers = ns:localaddr() }
		print((r:query 'a.x')[1].ttl)
		sleep(100)
		local t = coop.now()
		print((r:query 'a.x')[1].address, (r:query 'a.x')[1].ttl, ('%.1f'):format(coop.now() - t))
		sleep(90000)
		print(r:query 'a.x')
	END
	diff - <(echo "$output") <<-'END'
		60
		192.0.2.7	30	1.8
		nil	timeout
	END
}

@test "addresses: literals, localhost, the hosts file, then both families from DNS" {
	serve
	printf '192.0.2.50 fixed.example.test fixed # comment\n2001:db8::50 fixed\n' >hosts
	run -0 --separate-stderr env COOP_HOSTS=hosts corun - <<-'END'
		local function show(...)
		  local l, e = dns.addresses(...)
		  print(l and table.concat(l, ' ') or e)
		end
		show '192.0.2.9' show '::1' show 'localhost' show 'a.localhost.'
		show 'fixed' show 'FIXED.example.test' show('fixed', { family = 6 }) show('fixed.example.test', { family = 6 })
		show 'web.example.test' show('ns1.example.test', { family = 4 }) show('ns1.example.test', { family = 6 })
		show 'nowhere.example.test' show 'txt.example.test' show 'a..b' show('web.example.test', { timeout = 5 })
		print(pcall(dns.addresses, 'x', { family = 5 }))
		print(select('#', dns.addresses('localhost', {})))
	END
	diff - <(echo "$output") <<-'END'
		192.0.2.9
		::1
		127.0.0.1 ::1
		127.0.0.1 ::1
		192.0.2.50 2001:db8::50
		192.0.2.50
		2001:db8::50
		NODATA
		192.0.2.80 192.0.2.81 2001:db8::80
		192.0.2.1
		2001:db8::1
		NXDOMAIN
		NODATA
		empty label
		192.0.2.80 192.0.2.81 2001:db8::80
		false	bad argument #2 to 'dns.addresses' (family: 4 or 6 is wanted)
		1
	END
}

@test "the search list: for hosts always, for queries when asked; what resolv.conf says is followed when it changes" {
	serve
	cat >>conf <<-'END'
		search sub.example.test example.test
		options ndots:1 timeout:5 attempts:2 edns0 trust-ad
	END
	mock
	run -0 --separate-stderr corun - "$at" <<-'END'
		print(table.concat(dns.addresses 'web', ' '))
		print((select(2, dns.query "web")))
		print(dns.query('web', 'A', { search = true })[1].name)
		print(dns.query('web.', 'A', { search = true }))
		print((select(2, dns.query('no', 'A', { search = true }))))
		print((select(2, dns.query('txt', 'A', { search = true }))))
		local r = dns.resolver { servers = dns.resolver and arg[1], search = { 'one.x', 'two.x' }, ndots = 2 }
		print(r:query('nxdomain', 'A', { search = true }))
		print(r:query('a.b', 'A', { search = true })[1].name)
		local f = io.open('conf', 'w')
		f:write('nameserver ', arg[1], '\n')
		f:close()
		sleep(1.1)
		print(dns.query('web')[1].address)
		print(pcall(dns.resolver, { ndots = 99 }))
	END
	diff - <(echo "$output" | sed 's/table: .*/TABLE/') <<-'END'
		192.0.2.80 192.0.2.81 2001:db8::80
		REFUSED
		web.example.test.
		nil	REFUSED	TABLE
		REFUSED
		REFUSED
		nil	NXDOMAIN	TABLE
		a.b.one.x.
		192.0.2.1
		false	bad argument #1 to 'dns.resolver' (ndots: out of range)
	END
}

@test "resolv.conf: use-vc, no-aaaa, rotate" {
	mock
	printf 'nameserver %s\noptions use-vc no-aaaa\n' "$at" >conf
	export COOP_RESOLV_CONF=$PWD/conf
	run -0 corun -e 'print(#dns.addresses "a.x")'
	[ "$output" = 1 ]
	[ "$(sed 1d mock.out)" = "tcp a.x. A edns" ]
	port=$(free_port)
	printf 'nameserver 127.0.0.1#%s\nnameserver %s\noptions rotate\n' "$port" "$at" >conf
	run -0 corun -e 'for i = 1, 6 do print(#dns.query("n" .. i .. ".x")) end'
	[ "${#lines[@]}" = 6 ]
}

@test "net.connect finds names by it" {
	serve
	cat >script.lua <<-'END'
		local l = net.listen('127.0.0.1:0')
		spawn(function() local c = l:accept() c:write('hello\n') c:close() end)
		print(net.connect('localhost:' .. l:localaddr():match('%d+$')):read('l'))
		print(net.connect('nowhere.example.test:80'))
		local l = net.listen('127.0.0.1:0')
		spawn(function() local c = l:accept() c:write('short\n') c:close() end)
		print(net.connect('fixed:' .. l:localaddr():match('%d+$')):read('l'))
	END
	echo '127.0.0.1 fixed' >hosts
	COOP_HOSTS=hosts run -0 --separate-stderr corun script.lua
	[ "$output" = $'hello\nnil\tNXDOMAIN\nshort' ]
}

@test "the examples of the manual page" {
	serve
	mandoc -T utf8 "$top/man/coop-dns.3" | sed $'s/.\b//g' | expand | sed -n '/^EXAMPLES/,/^SEE ALSO/p' >page
	# each indented piece of code is a script
	awk '/^           / { if (!on) n++; on = 1; print substr($0, 12) > ("example" n ".lua"); next } /^     [^ ]/ { on = 0 }' page
	run -0 --separate-stderr corun example1.lua
	[ "$output" = $'192.0.2.80\t300\n192.0.2.81\t300' ]
	run -0 --separate-stderr corun example2.lua
	[ "${#lines[@]}" = 100 ]
	[ "$(grep -c true <<<"$output")" = 100 ]
	run -0 --separate-stderr corun example3.lua
	[ "$output" = $'127.0.0.1 ::1\nmail.example.test.' ]
	run -0 --separate-stderr corun example4.lua
	[ "$output" = $'2\t2\t2\n1\t1' ]
	run -0 --separate-stderr corun example5.lua
	[ "$output" = sip:0148@example.test ]
	port=$(free_port)
	sed "s/5300/$port/" example6.lua >server.lua
	start server corun server.lua
	run -0 dnsq -@ "127.0.0.1#$port" -s x.y
	[ "$output" = 192.0.2.1 ]
	run -0 --separate-stderr corun example7.lua
	[ "$output" = $'.\th2,h3\t8443\n1 . alpn=h2,h3 port=8443' ]
	[ ! -e example8.lua ]
}
