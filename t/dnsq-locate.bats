#!/usr/bin/env bats
# dnsq --locate: where the requests of SIP URIs and domains go.
# shellcheck disable=SC2154 # lib.bash and bats set variables
load lib

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	pids=()
	start_nsd sip.test "$top/t/data/sip.zone"
	echo '127.0.0.9 known.sip.test' >hosts
	export COOP_HOSTS=$PWD/hosts
}

@test "in the order in which they are to be tried" {
	run --separate-stderr dnsq -@ "127.0.0.1#$nsd_port" -o --locate full.sip.test 'sip:x@plain.sip.test:5099;transport=tcp' sip:none.sip.test \
		sips:no.such.sip.test 'sip:[2001:db8::1]' known.sip.test
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	diff - <(printf '%s\n' "$output") <<-'END'
		tls	a.sip.test	127.0.0.1	5074
		tls	a.sip.test	127.0.0.2	5074
		tcp	a.sip.test	127.0.0.1	5073
		tcp	a.sip.test	127.0.0.2	5073
		udp	a.sip.test	127.0.0.1	5071
		udp	a.sip.test	127.0.0.2	5071
		udp	b.sip.test	127.0.0.3	5072
		udp	b.sip.test	::1	5072
		tcp	plain.sip.test	127.0.0.4	5099
		; sip:none.sip.test LOCATE NODATA
		; sips:no.such.sip.test LOCATE NXDOMAIN
		udp	2001:db8::1	2001:db8::1	5060
		udp	known.sip.test	127.0.0.9	5060
	END
}

@test "as JSON, from standard input, and what is no SIP URI" {
	printf '%s\n' '# a comment' plain.sip.test '' tel:+1 'sip:x;transport=sctp' 'sip:a b' "sip:$(printf 'x%.0s' {1..2000})" lost.sip.test |
		dnsq -@ "127.0.0.1#$nsd_port" -o -j --locate >out 2>err || status=$?
	[ "$status" -eq 1 ]
	diff - out <<-'END'
		{"uri":"sip:plain.sip.test","status":"NOERROR","places":[{"transport":"udp","host":"plain.sip.test","addr":"127.0.0.4","port":5060}]}
		{"uri":"sip:lost.sip.test","status":"NXDOMAIN","places":[]}
	END
	[ "$(wc -l <err)" -eq 4 ]
	grep -q 'line 4: .*no sip URI' err
	grep -q 'line 5: .*unknown transport' err
	grep -q 'line 7: .*too long' err
}

@test "options that do not go with it" {
	for other in -x -e '-t SRV' -R; do
		# shellcheck disable=SC2086 # two words
		run --separate-stderr dnsq --locate $other x
		[ "$status" -eq 2 ]
		[[ $stderr == *--locate* ]]
	done
}

@test "dnsq(1): where are calls to a domain sent?" {
	shown=$(example dnsq.1 "$(grep -c '^\.Bd -literal -offset indent' <(sed -n '/^\.Sh EXAMPLES/,$p' "$top/man/dnsq.1"))")
	run bash -c "$(sed -n '1s/^\$ //p' <<<"$shown" | sed "s/5300/$nsd_port/")"
	[ "$output" = "$(tail -n +2 <<<"$shown")" ]
}
