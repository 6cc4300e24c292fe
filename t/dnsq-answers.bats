#!/usr/bin/env bats
# What dnsq prints, beside what kdig prints, from a real name server.

load lib

serve() {
	start_nsd example.test "$top/t/data/example.zone" e164.arpa "$top/t/data/e164.arpa.zone"
	at="127.0.0.1#$nsd_port"
}

# kdig NAME TYPE: its answer section with tabs where dnsq has them
reference() {
	kdig +noall +answer +timeout=2 @127.0.0.1 -p "$nsd_port" "$1" "$2" 2>/dev/null | sed -E '/^$/d; s/^([^[:blank:]]+)[[:blank:]]+/\1\t/; s/ +$//'
}

same_as_kdig() {
	local name=$1 type=$2
	run --separate-stderr dnsq -@ "$at" -t "$type" "$name"
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[ -n "$output" ]
	diff <(sort <<<"$output") <(reference "$name" "$type" | sort)
}

@test "every type is shown as kdig shows it" {
	serve
	same_as_kdig example.test SOA
	same_as_kdig example.test NS
	same_as_kdig example.test MX
	same_as_kdig example.test CAA
	same_as_kdig example.test TXT
	same_as_kdig ns1.example.test A
	same_as_kdig ns1.example.test AAAA
	same_as_kdig v6.example.test AAAA
	same_as_kdig www.example.test CNAME
	same_as_kdig 1.example.test PTR
	same_as_kdig txt.example.test TXT
	same_as_kdig long.example.test TXT
	same_as_kdig empty.example.test TXT
	same_as_kdig _sip._udp.example.test SRV
	same_as_kdig naptr.example.test NAPTR
	same_as_kdig unknown.example.test TYPE65280
	same_as_kdig unknown.example.test TYPE65281
}

@test "names with odd characters are shown as kdig shows them" {
	serve
	same_as_kdig 'we\.ird.example.test' A
	same_as_kdig 'sp\032ace.example.test' A
	same_as_kdig 'bin\000\255x.example.test' A
	same_as_kdig 'pu\(\)\*\+\,-\/.example.test' A
	same_as_kdig 'pu\:\;<=>?\@.example.test' A
	same_as_kdig 'pu[\\]^_`.example.test' A
	same_as_kdig 'pu{|}~.example.test' A
	same_as_kdig 'anything.wild.example.test' A
}

@test "the records of a chain of aliases are all shown" {
	serve
	same_as_kdig chain1.example.test A
	run -0 dnsq -@ "$at" chain1.example.test
	[ "${#lines[@]}" = 3 ]
}

@test "an answer that does not fit a datagram comes over TCP, whole" {
	serve
	same_as_kdig big.example.test A
	run -0 dnsq -@ "$at" big.example.test
	[ "${#lines[@]}" = 120 ]
}

@test "what has no records leaves a comment" {
	serve
	run --separate-stderr dnsq -@ "$at" -o nowhere.example.test ns2.example.test\ AAAA dangling.example.test elsewhere.test
	[ "$status" = 0 ]
	[ "${lines[0]}" = "; nowhere.example.test. A NXDOMAIN" ]
	[ "${lines[1]}" = "; ns2.example.test. AAAA NODATA" ]
	[ "${lines[2]}" = $'dangling.example.test.\t3600\tIN\tCNAME\tnowhere.example.test.' ]
	[ "${lines[3]}" = "; dangling.example.test. A NXDOMAIN" ]
	[ "${lines[4]}" = "; elsewhere.test. A REFUSED" ]
	[ "${#lines[@]}" = 5 ]
}

@test "the whole output is a zone file that NSD reads" {
	serve
	printf '%s\n' example.test 'txt.example.test TXT' 'naptr.example.test NAPTR' 'unknown.example.test TYPE65280' \
		'example.test SOA,CAA,NS,MX' nowhere.example.test 'we\.ird.example.test' >names
	dnsq -@ "$at" <names >zone
	run nsd-checkzone example.test zone
	echo "$output"
	[ "$status" = 0 ]
}

@test "-j gives one object a question" {
	serve
	run --separate-stderr dnsq -@ "$at" -j -o 'txt.example.test TXT' nowhere.example.test
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" = 2 ]
	re='^\{"name":"txt\.example\.test\.","type":"TXT","status":"NOERROR","rtt_ms":[0-9]+\.[0-9]{3},"server":"127\.0\.0\.1:'$nsd_port'","attempts":1,'
	[[ ${lines[0]} =~ $re ]]
	[[ ${lines[0]} == *'"answers":[{"name":"txt.example.test.","ttl":3600,"class":"IN","type":"TXT","rdata":"\"one\" \"two words\" \"\" \"semi;colon\" \"quo\\\"te\" \"back\\\\slash\" \"\\001\\127\\128\\255\""}]}' ]]
	[[ ${lines[1]} == *'"status":"NXDOMAIN",'*'"answers":[]}' ]]
}

@test "-s gives rdata only" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -s -o www.example.test nowhere.example.test 'example.test MX'
	[ "$output" = "web.example.test.
192.0.2.80
192.0.2.81
10 mail.example.test.
20 mail2.example.test." ]
}

@test "-R gives whole messages" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -R 'example.test MX'
	[[ ${lines[0]} =~ ^\;\;\ -\>\>HEADER\<\<-\ opcode:\ QUERY,\ status:\ NOERROR,\ id:\ [0-9]+$ ]]
	[ "${lines[1]}" = ";; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 2, ADDITIONAL: 6" ]
	[[ $output == *$';; QUESTION SECTION:\n;example.test.\tIN\tMX\n'* ]]
	[[ $output == *$'\nexample.test.\t3600\tIN\tMX\t10 mail.example.test.\n'* ]]
	[[ $output == *"SERVER: 127.0.0.1:$nsd_port (UDP)"* ]]
}

@test "-x asks for the names of addresses" {
	serve
	cat >reverse <<-'END'
		$ORIGIN 2.0.192.in-addr.arpa.
		@ 60 IN SOA ns host 1 1 1 1 1
		@ 60 IN NS ns
		1 60 IN PTR one.example.test.
	END
	cat >reverse6 <<-'END'
		$ORIGIN ip6.arpa.
		@ 60 IN SOA ns host 1 1 1 1 1
		@ 60 IN NS ns
		1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 60 IN PTR six.example.test.
	END
	start_nsd 2.0.192.in-addr.arpa "$PWD/reverse" ip6.arpa "$PWD/reverse6"
	run --separate-stderr dnsq -@ "127.0.0.1#$nsd_port" -o -x 192.0.2.1 2001:db8::1 192.0.2.2 nonsense
	[ "$status" = 1 ]
	[ "${lines[0]}" = $'1.2.0.192.in-addr.arpa.\t60\tIN\tPTR\tone.example.test.' ]
	[ "${lines[1]}" = $'1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.\t60\tIN\tPTR\tsix.example.test.' ]
	[ "${lines[2]}" = "; 2.2.0.192.in-addr.arpa. PTR NXDOMAIN" ]
	[ "$stderr" = "dnsq: nonsense: not an address" ]
}

@test "-e: the rules of a number, best first, without those that cannot be used" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -e '+44 (20) 7946-0148'
	[ "$output" = $'+442079460148\tE2U+sip\tsip:0148@example.test\n+442079460148\tE2U+email:mailto\tmailto:info@example.test' ]
	[ -z "$stderr" ]
}

@test "-e: a rule that leads on is followed, in its place, and not for ever" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -o -e +4930 +666
	[ "$output" = $'+4930\tE2U+sip\tsip:4930@first.test\n+4930\tE2U+sip\tsip:4930@second.test\n+4930\tE2U+tel\ttel:+49309\n; +666 ENUM NODATA' ]
}

@test "-e: what is left of numbers without rules, and of what is no number" {
	serve
	run --separate-stderr dnsq -@ "$at" -o -e <<<$'1\n999\nabc'
	[ "$status" = 1 ]
	[ "$output" = $'; +1 ENUM NODATA\n; +999 ENUM NXDOMAIN' ]
	[ "$stderr" = "dnsq: line 3: abc: not a telephone number" ]
}

@test "-e with -j, -s and -E" {
	serve
	run -0 dnsq -@ "$at" -e -s +442079460148
	[ "${lines[0]}" = sip:0148@example.test ]
	run -0 dnsq -@ "$at" -e -j +442079460148
	[[ $output == '{"number":"+442079460148","name":"8.4.1.0.6.4.9.7.0.2.4.4.e164.arpa.","type":"NAPTR","status":"NOERROR",'*'"results":[{"order":100,"preference":10,"service":"E2U+sip","uri":"sip:0148@example.test"},{"order":100,"preference":20,"service":"E2U+email:mailto","uri":"mailto:info@example.test"}]}' ]]
	run -0 dnsq -@ "$at" -e -E example.test 12
	[ "$output" = "; +12 ENUM NXDOMAIN" ]
}

@test "the examples of the manual page" {
	serve
	# each `$ command` of the page with the lines that follow it, against this server
	mandoc -T utf8 "$top/man/dnsq.1" | sed $'s/.\b//g' | expand | sed -n '/^EXAMPLES/,/^SEE ALSO/s/^           //p' >page
	# the one over TLS is run in dnsq-tls.bats, that of SIP in dnsq-locate.bats
	sed -n '/tls:\|--locate/!s/^\$ //p' page >commands
	[ "$(wc -l <commands)" = 7 ]
	while IFS= read -r command; do
		sed -n "/^\$ $(sed 's/[][\.*^$/]/\\&/g' <<<"$command")\$/,/^\(\$ .*\)\{0,1\}$/p" page | sed 1d | sed '/^\$/d; /^$/d' >want
		bash -c "${command//127.0.0.1#5300/$at}" | sed $'s/\t/ /g' | tr -s ' ' >got
		tr -s ' ' <want | diff - got
	done <commands
}
