#!/usr/bin/env bats
# Every RR type: dnsq's text beside that of kdig, and before those who read zones: NSD, BIND, and coop itself.

load lib

zone=$top/t/data/types.zone

# The zone, served; what is in it as lines of `name type` in names, and dnsq's answers in answers.
ask_all() {
	start_nsd types.test "$zone"
	at="127.0.0.1#$nsd_port"
	grep -oE '^type[0-9]+' "$zone" | sort -u | sed -E 's/^type(.*)$/type\1.types.test TYPE\1/' >names
	dnsq -@ "$at" -o <names >answers
	! grep '^;' answers
	[ "$(wc -l <answers)" = "$(grep -c '^type' "$zone")" ]
}

# kdig's answers, with tabs where dnsq has them; newer ones have the names of newer types, and quotes that are not needed
reference() {
	local name type
	while read -r name type; do
		kdig +noall +answer +timeout=2 +bufsize=4096 @127.0.0.1 -p "$nsd_port" "$name" "$type" 2>/dev/null
	done <names | sed -E '/^(;|$)/d; s/^([^[:blank:]]+)[[:blank:]]+/\1\t/; s/ +$//; s/alpn="([^" ;]*)"/alpn=\1/; s/ key7=/ dohpath=/'
}

@test "the text of each type is kdig's, or the bytes are where kdig has no text" {
	ask_all
	reference | sort >kdig
	# kdig finds a key without key malformed
	grep -vP '\tKEY\t49152 ' answers | sort >ours
	# by name, ttl, class and type: that there are as many
	[ "$(wc -l <kdig)" = "$(wc -l <ours)" ]
	comm -13 ours kdig | cut -f 1,5- >differ
	# shellcheck disable=SC2046 # words
	corun "$top/t/lua/types.lua" "127.0.0.1:$nsd_port" $(tr ' ' / <names) <answers >wires
	while IFS=$'\t' read -r name text; do
		case $text in '\# '*) ;; *) echo "$name: $text" && false ;; esac
		grep -qx "TYPE${name//[!0-9]/}"$'\t'".*"$'\t'"${text##* }" wires
	done <differ
	# and there was something to compare
	[ "$(comm -12 ours kdig | wc -l)" -ge 65 ]
}

@test "the text of each type, and its fields in Lua, become the same bytes again" {
	ask_all
	# shellcheck disable=SC2046 # words
	run -0 --separate-stderr corun "$top/t/lua/types.lua" "127.0.0.1:$nsd_port" $(tr ' ' / <names) <answers
	[ "$stderr" = "$(grep -c '^type' "$zone") records" ]
	# what had no name in the zone file had one in the answer
	grep -qP '^TYPE66\tDSYNC\t' <<<"$output"
}

# NSD has those for itself; and what no kdig has a text for, as the bytes it has
@test "NSEC3, TSIG and texts that say more than the type has words for" {
	cat >server.lua <<-'END'
		local texts, s = { NSEC3 = { '1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR MX DNSKEY NS TYPE65534', '1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S' },
		  LOC = { '\\# 16 01000000 80000000 80000000 00000000' }, APL = { '\\# 6 0003 08 02 0102', '1:192.0.2.0/24' },
		  SVCB = { '\\# 8 0001 00 0003 0001 35', '1 . port=53' }, IPSECKEY = { '\\# 5 0A 09 02 0102' },
		  TSIG = { 'hmac-sha256. 1700000000 300 4 AQIDBA== 4660 BADTIME 6 1700000001', 'hmac-md5. 1 300 0 1 NOERROR 0' },
		  CAA = { '\\# 8 00 02 612D 76616C75' } }, net.udp('127.0.0.1:0')
		print(s:localaddr()) io.stdout:flush()
		while true do
		  local packet, from = s:recvfrom()
		  local q = dns.decode(packet)
		  local answers = {}
		  for i, text in ipairs(texts[q.question.type]) do answers[i] = { name = q.question.name, type = q.question.type, ttl = 60, text = text } end
		  s:sendto(assert(dns.encode { id = q.id, query = false, question = q.question, answers = answers }), from)
		end
	END
	start server corun server.lua
	address=$(wait_for server.out :)
	run -0 dnsq -@ "$address" -s -t NSEC3 x
	diff <(echo "$output") <(kdig +short +timeout=2 @127.0.0.1 -p "${address##*:}" x. NSEC3 | sed 's/ $//')
	[ "${#lines[@]}" = 2 ]
	run -0 dnsq -@ "$address" -o -s -t LOC,APL,SVCB,IPSECKEY,CAA x
	diff - <(echo "$output") <<-'END'
		\# 16 01000000800000008000000000000000
		\# 6 000308020102
		1:192.0.2.0/24
		\# 8 0001000003000135
		1 . port=53
		\# 5 0A09020102
		\# 8 0002612D76616C75
	END
	run -0 dnsq -@ "$address" -s -t TSIG x
	[ "$output" = $'hmac-sha256. 1700000000 300 4 AQIDBA== 4660 BADTIME 6 1700000001\nhmac-md5. 1 300 0 1 NOERROR 0' ]
}

# as_zone TYPES: what dnsq printed, without those types and with a beginning
as_zone() {
	printf 'types.test. 3600 IN SOA ns.types.test. host.types.test. 1 2 3 4 5\ntypes.test. 3600 IN NS ns.types.test.\n'
	printf 'ns.types.test. 3600 IN A 192.0.2.1\n'
	grep -vP "\tIN\t($1)\t" answers
}

@test "NSD reads dnsq's output as a zone, and serves the same" {
	ask_all
	as_zone 'NSAP-PTR|GPOS|EID|NIMLOC|ATMA|A6|SINK|HIP|NINFO|RKEY|TALINK|DSYNC|HHIT|BRID|DOA|AMTRELAY|RESINFO|WALLET|CLA|IPN|TA|KEY' >again.zone
	[ "$(wc -l <again.zone)" -ge 80 ]
	run -0 nsd-checkzone types.test again.zone
	start_nsd types.test "$PWD/again.zone"
	dnsq -@ "127.0.0.1#$nsd_port" -o <names | grep -v '^;' | sort >served
	diff served <(tail -n +4 again.zone | sort)
}

@test "BIND reads dnsq's output as a zone, and writes the same names, types and bytes" {
	ask_all
	# what its version in Debian does not know, or takes for obsolete
	as_zone 'MD|MF|DSYNC|HHIT|BRID|RESINFO|WALLET|CLA|IPN' | grep -vP '\tIPSECKEY\t10 1 0 |\tKEY\t49152' >again.zone
	[ "$(wc -l <again.zone)" -ge 99 ]
	named-checkzone -i none -k ignore -D -o bind.zone types.test again.zone >log 2>&1 || { cat log && false; }
	start_nsd types.test "$zone"
	# shellcheck disable=SC2046 # words
	corun "$top/t/lua/types.lua" "127.0.0.1:$nsd_port" $(tr ' ' / <names) <answers >wires
	corun "$top/t/lua/rdata.lua" <bind.zone >bind.wires
	[ "$(grep -vcE '^(SOA|NS|A)$' <(cut -f 1 bind.wires))" -ge 95 ]
	while IFS=$'\t' read -r type hex; do
		case $type in SOA | NS | A) continue ;; esac
		grep -qP "^TYPE\d+\t$type\t\d+\t$hex\$" wires || { echo "$type $hex" && false; }
	done <bind.wires
}
