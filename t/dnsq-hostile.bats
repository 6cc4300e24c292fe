#!/usr/bin/env bats
# Servers that lie, stay silent, cut short, or know nothing of EDNS.

load lib

# serve: the mock; its address in $at
serve() {
	start mock corun "$top/t/mock/dns.lua"
	at=$(wait_for mock.out '^127')
}

a_record() {
	printf '%s\t60\tIN\tA\t192.0.2.1' "$1"
}

# how often the mock was asked what matches
asked() {
	grep -cE -- "$1" mock.out
}

@test "forged answers are ignored, and the true one is found behind them" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -v -a 1 forged.x
	[ "$output" = "$(a_record forged.x.)" ]
	# the one from another port never got as far as dnsq
	[[ $stderr == *" 3 messages ignored"* ]]
	[ "$(asked 'udp forged')" = 1 ]
}

@test "broken answers are ignored, and the true one is found behind them" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -v -a 1 garbage.x
	[ "$output" = "$(a_record garbage.x.)" ]
	[[ $stderr == *" 3 messages ignored"* ]]
}

@test "only broken answers: MALFORMED" {
	serve
	run -1 --separate-stderr dnsq -@ "$at" -T 0.1 -a 2 broken.x
	[ "$output" = "; broken.x. A MALFORMED" ]
	[ "$(asked broken)" = 2 ]
}

@test "no answer: as many attempts as asked for, in the time asked for, then TIMEOUT" {
	serve
	began=${EPOCHREALTIME/./}
	run -1 --separate-stderr dnsq -@ "$at" -T 0.2 -a 3 silent.x
	took=$((${EPOCHREALTIME/./} - began))
	[ "$output" = "; silent.x. A TIMEOUT" ]
	[ -z "$stderr" ]
	[ "$(asked silent)" = 3 ]
	[ "$took" -ge 600000 ]
	[ "$took" -lt 1500000 ]
}

@test "a question that was lost is asked again" {
	serve
	run -0 dnsq -@ "$at" -T 0.2 -a 3 -j lost-1.x
	[[ $output == *'"status":"NOERROR"'*'"attempts":2'* ]]
	run -0 dnsq -@ "$at" -T 0.2 -a 3 -j lost-2.x
	[[ $output == *'"status":"NOERROR"'*'"attempts":3'* ]]
}

@test "an answer to an earlier attempt counts" {
	serve
	run -0 dnsq -@ "$at" -T 0.2 -a 4 late-250.x
	[ "$output" = "$(a_record late-250.x.)" ]
}

@test "an answer that was cut short is had over TCP" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -s tc.x
	[ "${#lines[@]}" = 200 ]
	[ "$(asked 'udp tc.x. A edns$')" = 1 ]
	[ "$(asked 'tcp tc.x. A edns$')" = 1 ]
}

@test "a server without EDNS is asked without" {
	serve
	run -0 dnsq -@ "$at" -o -a 1 plain.x mute.x
	[ "$output" = "$(a_record plain.x.)
$(a_record mute.x.)" ]
	[ "$(asked 'plain.x. A edns$')" = 1 ]
	[ "$(asked 'plain.x. A$')" = 1 ]
}

@test "cut short, and no TCP: TRUNCATED" {
	serve
	run -1 --separate-stderr dnsq -@ "$at" -T 0.2 -a 2 cut.x
	[ "$output" = "; cut.x. A TRUNCATED" ]
}

@test "-n: TCP only, one connection for many questions, another when the server hangs up" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -n -v a.x b.x c.x
	[ "${#lines[@]}" = 3 ]
	[[ $stderr == *" 1 TCP connections"* ]]
	run -0 --separate-stderr dnsq -@ "$at" -n -v hangup1.x hangup2.x hangup3.x
	[ "${#lines[@]}" = 3 ]
	# one for each at least: what was sent too late on one that closes may be asked again
	[[ $stderr =~ \ [3-9]\ TCP\ connections ]]
	[ "$(asked '^udp')" = 0 ]
}

@test "TCP: hundreds on one connection; with a server that closes after each answer, one at a time" {
	serve
	seq 600 | sed 's/$/.x/' >names
	run -0 --separate-stderr dnsq -@ "$at" -n -v <names
	[ "${#lines[@]}" = 600 ]
	[[ $stderr == *" 600 queries sent,"*" 1 TCP connections"* ]]
	seq 200 | sed 's/.*/hangup.n&.x/' >names
	run -0 --separate-stderr dnsq -@ "$at" -n -v <names
	[ "${#lines[@]}" = 200 ]
	[[ $stderr =~ \ ([0-9]+)\ queries\ sent ]]
	[ "${BASH_REMATCH[1]}" -lt 800 ]
	[[ $stderr =~ \ 20[0-9]\ TCP\ connections ]]
}

@test "what a server says of itself is a status" {
	serve
	run -0 dnsq -@ "$at" -o servfail.x refused.x notimp.x nxdomain.x
	[ "$output" = "; servfail.x. A SERVFAIL
; refused.x. A REFUSED
; notimp.x. A NOTIMP
; nxdomain.x. A NXDOMAIN" ]
}

@test "a server that does not answer is made up for by another" {
	serve
	run -0 --separate-stderr dnsq -@ 127.0.0.1#1 -@ "$at" -T 0.3 a.x b.x c.x d.x
	[ "${#lines[@]}" = 4 ]
}

@test "nobody listens: UNREACHABLE" {
	port=$(free_port)
	run -1 --separate-stderr dnsq -@ "127.0.0.1#$port" -a 2 a.x
	[ "$output" = "; a.x. A UNREACHABLE" ]
	run -1 --separate-stderr dnsq -@ "127.0.0.1#$port" -n -a 2 a.x
	[ "$output" = "; a.x. A UNREACHABLE" ]
}

@test "hundreds under way at a server that is late: all answered, each asked once" {
	serve
	seq 3000 | sed 's/.*/late-300.n&.x/' >names
	run -0 --separate-stderr dnsq -@ "$at" -c 3000 -r 2000 <names
	[ "${#lines[@]}" = 3000 ]
	[ "$(asked late)" = 3000 ]
}
