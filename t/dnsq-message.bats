#!/usr/bin/env bats
# dnsq -R: whole messages as dig shows them, with every option of EDNS.

load lib

# reply LUA: a server in Lua whose answer to each question is what dns.encode makes of this table
reply() {
	cat >server.lua <<-END
		local s = net.udp('127.0.0.1:0')
		local function option(code, data) return { code = code, data = data } end
		print(s:localaddr()) io.stdout:flush()
		while true do
		  local packet, from = s:recvfrom()
		  local q = dns.decode(packet)
		  local t = $1
		  t.id, t.query, t.question = q.id, false, q.question
		  s:sendto(assert(dns.encode(t)), from)
		end
	END
	start server corun server.lua
	address=$(wait_for server.out :)
}

# what does not differ between two runs, nor between dnsq and dig
stable() {
	sed -E 's/id: [0-9]+/id: N/; /^;; (Query time|SERVER|MSG SIZE|WHEN|WARNING|Warning|Got answer|global)|^$|^; (<<>>|\(1 server)/d; s/[[:blank:]]+/ /g'
}

@test "every option of EDNS; those that do not hold what they should are bytes" {
	reply "{ rd = true, rcode = 'BADVERS', edns = { size = 1400, version = 1, dnssec = true, options = {
		option(1, '\\0\\1\\0\\2\\0\\3\\0\\0\\0\\0\\0\\0\\0\\4\\0\\0\\0\\5'), option(2, '\\0\\0\\14\\16\\0\\1\\81\\128'), option(2, '\\0\\0\\0\\1'),
		option(3, 'ns1\\0'), option(5, '\\8\\13'), option(6, '\\1'), option(7, ''), option(8, '\\0\\1\\24\\0\\192\\0\\2'),
		option(8, '\\0\\2\\32\\48\\32\\1\\13\\184'), option(8, '\\0\\0\\0\\0'), option(8, '\\0\\1\\33\\0\\192\\0\\2\\1\\1'), option(8, '\\0\\1'),
		option(9, '\\0\\18\\117\\3'), option(9, ''), option(10, '12345678abcdefgh'), option(11, '\\0\\101'), option(11, '\\1'),
		option(12, ('\\0'):rep(7)), option(13, '\\4test\\0'), option(13, '\\192\\0'), option(13, ''), option(18, '\\1'), option(18, '\\0\\0'), option(14, '\\0\\1\\0\\2'), option(14, '\\1'), option(15, '\\0\\18'),
		option(15, '\\0\\18no \\1'), option(15, '\\1\\0x'), option(15, '\\1'), option(16, '\\0\\7'), option(17, '\\0\\8'), option(18, '\\2er\\4test\\0'),
		option(19, '\\1\\0\\0\\0\\0\\9'), option(19, '\\3\\0\\0\\0\\0\\9'), option(19, '\\0\\1x'), option(20, ''), option(65001, 'a\"b') } } }"
	run -0 dnsq -@ "$address" -R b.test
	diff <(stable <<<"$output") - <<-'END'
		;; ->>HEADER<<- opcode: QUERY, status: BADVERS, id: N
		;; flags: qr rd; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1
		;; OPT PSEUDOSECTION:
		; EDNS: version: 1, flags: do; udp: 1400
		; LLQ: Version: 1, Opcode: 2, Error: 3, Identifier: 4, Lifetime: 5
		; UPDATE-LEASE: 3600/86400 (1 hour/1 day)
		; UPDATE-LEASE: 1 (1 second)
		; NSID: 6e 73 31 00 ("ns1.")
		; DAU: 08 0d ("..")
		; DHU: 01 (".")
		; N3U:
		; CLIENT-SUBNET: 192.0.2.0/24/0
		; CLIENT-SUBNET: 2001:db8::/32/48
		; CLIENT-SUBNET: 0/0/0
		; CLIENT-SUBNET: 00 01 21 00 c0 00 02 01 01 ("..!......")
		; CLIENT-SUBNET: 00 01 ("..")
		; EXPIRE: 1209603 (2 weeks 3 seconds)
		; EXPIRE:
		; COOKIE: 31323334353637386162636465666768
		; TCP-KEEPALIVE: 10.1 secs
		; TCP-KEEPALIVE: 01 (".")
		; PADDING: (7 bytes)
		; CHAIN: test.
		; CHAIN: c0 00 ("..")
		; CHAIN:
		; REPORT-CHANNEL: 01 (".")
		; REPORT-CHANNEL: 00 00 ("..")
		; KEY-TAG: 1, 2
		; KEY-TAG: 01 (".")
		; EDE: 18 (Prohibited)
		; EDE: 18 (Prohibited): (no .)
		; EDE: 256: (x)
		; EDE: 01 (".")
		; CLIENT-TAG: 7
		; SERVER-TAG: 8
		; REPORT-CHANNEL: er.test.
		; ZONEVERSION: ZONE: test., SOA-SERIAL: 9
		; ZONEVERSION: 03 00 00 00 00 09 ("......")
		; ZONEVERSION: 00 01 78 ("..x")
		; OPT=20:
		; OPT=65001: 61 22 62 ("a"b")
		;; QUESTION SECTION:
		;b.test. IN A
	END
}

@test "the same message is dig's, line by line" {
	reply "{ rd = true, aa = true, ad = true, ra = true, rcode = 'NXDOMAIN', edns = { size = 1232, options = { option(3, 'ns1'),
		option(8, '\\0\\1\\24\\0\\192\\0\\2'), option(9, '\\0\\0\\0\\60'), option(14, '\\0\\1\\0\\2'), option(15, '\\0\\18why'), option(65001, 'ab') } },
		answers = { { name = 'a.test', type = 'CNAME', ttl = 5, cname = 'b.test.' }, { name = 'b.test', type = 'MX', ttl = 6, text = '10 m.test.' } },
		nameservers = { { name = 'test', type = 'SOA', ttl = 7, text = 'm.test. h.test. 1 2 3 4 5' } },
		additional = { { name = 'm.test', type = 'AAAA', ttl = 8, address = '2001:db8::1' } } }"
	run -0 dnsq -@ "$address" -R -t MX a.test
	diff <(stable <<<"$output") <(dig +noedns +nocookie @127.0.0.1 -p "${address##*:}" a.test MX | stable)
	[ "${#lines[@]}" -gt 20 ]
}

@test "RCODEs of EDNS and of UPDATE, and those without a name" {
	reply "{ rcode = q.question.name:upper():sub(1, -2), edns = {} }"
	for rcode in DSOTYPENI BADVERS BADKEY BADTIME BADMODE BADNAME BADALG BADTRUNC BADCOOKIE NOTZONE RCODE12 RCODE24 RCODE4095; do
		run dnsq -@ "$address" -R -T 1 -a 1 $rcode
		[[ ${lines[0]} == *", status: $rcode,"* ]]
	done
}
