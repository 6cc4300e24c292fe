#!/usr/bin/env bats
# What is lost, leads nowhere, or never ends: an exact status for each name, nothing invented, in a time that is known beforehand.

load lib

serve() {
	start mock corun "$top/t/mock/dns.lua"
	at=$(wait_for mock.out '^127')
}

asked() {
	grep -cE -- "$1" mock.out
}

# timed COMMAND...: as run; in $took the ms it took
timed() {
	local began=${EPOCHREALTIME/./}
	run --separate-stderr "$@"
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
}

@test "5% lost: every name is answered, by one query more for each that was lost" {
	serve
	seq 1000 | sed 's/.*/some.n&.x/' >names
	run -0 --separate-stderr dnsq -@ "$at" -c 100 -T 0.3 -a 4 -v <names
	[ "${#lines[@]}" = 1000 ]
	[ "$(grep -c $'\tA\t192.0.2.1$' <<<"$output")" = 1000 ]
	[[ $stderr == *" 1000 answered"*" 0 failed"* ]]
	[[ $stderr == *" 1052 queries sent"* ]]
	[ "$(asked 'some')" = 1052 ]
}

@test "50% lost: who has fewer attempts than losses has TIMEOUT, and nobody else" {
	serve
	seq 512 | sed 's/.*/half.n&.x/' >names
	timed dnsq -@ "$at" -c 100 -T 0.3 -a 4 -v <names
	[ "$status" = 1 ]
	# those that can be halved four times
	[ "${#lines[@]}" = 512 ]
	[ "$(grep -c $'\tA\t192.0.2.1$' <<<"$output")" = 480 ]
	[ "$(grep -c '^; half.n[0-9]*.x. A TIMEOUT$' <<<"$output")" = 32 ]
	! grep TIMEOUT <<<"$output" | grep -vE 'n(16|32|48|64|80|96|112|128|144|160|176|192|208|224|240|256|272|288|304|320|336|352|368|384|400|416|432|448|464|480|496|512).x' || false
	[[ $stderr == *" 512 questions "*" 480 answered"*" 32 failed"* ]]
	[ "$took" -ge 1200 ]
	[ "$took" -lt 5000 ]
}

@test "300 ms late: no question is asked twice, and all take little longer" {
	serve
	seq 500 | sed 's/.*/late-300.n&.x/' >names
	timed dnsq -@ "$at" <names
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 500 ]
	[ "$(asked late)" = 500 ]
	[ "$took" -lt 2000 ]
}

@test "aliases: a chain is followed, a loop ends, what leads nowhere or elsewhere is no address" {
	serve
	run -0 --separate-stderr dnsq -@ "$at" -s chain-5.x chain-30.x
	[ "$(grep -c '^192.0.2.1$' <<<"$output")" = 2 ]
	run -0 --separate-stderr dnsq -@ "$at" -o -j loop.x alias.x astray.x chain-60.x
	[ "$(grep -c '"status":"NODATA"' <<<"$output")" = 4 ]
	[ "$(wc -l <<<"$output")" = 4 ]
	# what is no answer is not shown as one
	run -0 --separate-stderr dnsq -@ "$at" astray.x
	[ "$output" = "; astray.x. A NODATA" ]
}

@test "an answer in another case is not believed where case counts; the true one behind it is" {
	serve
	run -0 --separate-stderr corun - "$at" <<-'END'
		local r = dns.resolver { servers = arg[1], mixcase = true, cache = false }
		for i = 1, 5 do print((r:query('case.' .. i .. '.x'))[1].address) end
	END
	[ "$output" = $'192.0.2.1\n192.0.2.1\n192.0.2.1\n192.0.2.1\n192.0.2.1' ]
	[ "$(asked '^udp [cC]')" = 5 ]
}

@test "TCP that gives half an answer, or none, takes no longer than the attempts allow" {
	serve
	timed dnsq -@ "$at" -T 0.2 -a 3 stuck.x
	[ "$output" = "; stuck.x. A TRUNCATED" ]
	[ "$status" = 1 ]
	[ "$took" -lt 1500 ]
	timed dnsq -@ "$at" -n -T 0.2 -a 3 silent.x
	[ "$output" = "; silent.x. A TIMEOUT" ]
	[ "$took" -ge 600 ]
	[ "$took" -lt 1500 ]
	timed dnsq -@ "$at" -n -T 0.2 -a 3 stuck.x
	[ "$output" = "; stuck.x. A TIMEOUT" ]
	[ "$took" -lt 1500 ]
}

@test "a server that is never content with a cookie is asked over TCP, once" {
	serve
	run -0 --separate-stderr corun - "$at" <<-'END'
		local r = dns.resolver { servers = arg[1], cookies = true }
		print(select(2, r:query('badcookie.x')))
		r:query('a.x')
	END
	[[ $output == BADCOOKIE* ]]
	[ "$(asked '^udp badcookie')" = 2 ]
	[ "$(asked '^tcp badcookie')" = 1 ]
}

@test "a thousand names at a server that is silent: all say so, together, in the time of one" {
	serve
	seq 1000 | sed 's/.*/silent.n&.x/' >names
	timed dnsq -@ "$at" -T 0.3 -a 2 -v <names
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1000 ]
	[ "$(grep -c '^; silent.n[0-9]*.x. A TIMEOUT$' <<<"$output")" = 1000 ]
	[[ $stderr == *" 1000 questions"*" 1000 failed"* ]]
	[ "$took" -lt 3000 ]
}
