#!/usr/bin/env bats
# What comes in on stdin or as arguments, good and bad, and how the output leaves.

load lib

serve() {
	start mock corun "$top/t/mock/dns.lua"
	at=$(wait_for mock.out '^127')
}

asked() {
	grep -cE -- "$1" mock.out
}

@test "lines: names, types, blanks, comments, tabs, carriage returns, no newline at the end" {
	serve
	printf 'a.x\n\n   \n# a comment\n  #another\nb.x AAAA\n\tc.x.\t mx,TXT  \r\nd.x' >in
	run -0 --separate-stderr dnsq -@ "$at" -o <in
	[ -z "$stderr" ]
	[ "$output" = $'a.x.\t60\tIN\tA\t192.0.2.1
; b.x. AAAA NODATA
; c.x. MX NODATA
; c.x. TXT NODATA
d.x.\t60\tIN\tA\t192.0.2.1' ]
}

@test "a bad line is reported with its number and costs only itself" {
	serve
	long=$(printf 'a%.0s' {1..64})
	{
		printf 'a.x\na..x\nb.x NOPE\nc.x A extra\n%s.x\nd\\9x\n\001\033[31m.x\n' "$long"
		printf 'b%.0s' {1..70000}
		printf '\nlast.x\n'
	} >in
	run -1 --separate-stderr dnsq -@ "$at" -o -s <in
	[ "$output" = $'192.0.2.1\n192.0.2.1\n192.0.2.1' ]
	[[ $stderr == *"dnsq: line 2: a..x: empty label"* ]]
	[[ $stderr == *"dnsq: line 3: b.x NOPE: unknown type"* ]]
	[[ $stderr == *"dnsq: line 4: c.x A extra: more than a name and a type"* ]]
	[[ $stderr == *"dnsq: line 5: $long.x: label of more than 63 bytes"* ]]
	[[ $stderr == *'dnsq: line 6: d\9x: bad escape'* ]]
	[[ $stderr == *"dnsq: line 8: bbbbbbbb"*"...: line too long"* ]]
	[[ $stderr != *$'\033'* ]]
	[ "$(grep -c '^dnsq: ' <<<"$stderr")" = 6 ]
	[ "$(asked last)" = 1 ]
}

@test "international names are asked for as DNS has them; one that cannot be costs only itself" {
	serve
	printf '%s\n' bücher.x 'Straße.X.' '_sip._udp.例え.x SRV' $'a\xff.x' "$(printf 'ü%.0s' {1..64}).x" >names
	run --separate-stderr dnsq -@ "$at" -o <names
	[ "$status" = 1 ]
	grep -q '^udp xn--bcher-kva.x. A' mock.out
	grep -q '^udp xn--strae-oqa.x. A' mock.out
	grep -q '^udp _sip._udp.xn--r8jz45g.x. SRV' mock.out
	[ "$(grep -c '^udp' mock.out)" = 3 ]
	[[ $stderr == "dnsq: line 4: a?.x: not UTF-8"*"line 5: "*": label too long" ]]
}

@test "names as arguments, @server among them; a bad one costs only itself" {
	serve
	run -1 --separate-stderr dnsq a.x "@$at" a..x 'b.x AAAA' -o
	[ "$output" = $'a.x.\t60\tIN\tA\t192.0.2.1\n; b.x. AAAA NODATA' ]
	[ "$stderr" = "dnsq: a..x: empty label" ]
}

@test "no input at all: nothing is said, status 0" {
	run -0 dnsq -@ 127.0.0.1 </dev/null
	[ -z "$output" ]
}

@test "input that is a closed or unreadable descriptor fails" {
	run -1 bash -c "dnsq -@ 127.0.0.1 <&-"
	[ "$output" = "dnsq: stdin: Bad file descriptor" ]
	run -1 dnsq -@ 127.0.0.1 </
	[ "$output" = "dnsq: stdin: Is a directory" ]
}

@test "an answer leaves as soon as it is there, while the input stays open" {
	serve
	mkfifo in
	dnsq -@ "$at" <in >out 2>err 3>&- &
	pids+=("$!")
	exec 7>in
	echo a.x >&7
	wait_for out '^a.x.'
	echo b.x >&7
	wait_for out '^b.x.'
	exec 7>&-
	wait "${pids[-1]}"
}

@test "the reader goes: a quiet end" {
	serve
	yes a.x | dnsq -@ "$at" 2>err | head -n 1 >out
	[ "$(wc -l <out)" = 1 ]
	[ ! -s err ]
}

@test "the exit status when the reader has gone is 0" {
	serve
	yes a.x | { dnsq -@ "$at" 2>err; echo "$?" >status; } | head -n 1 >out
	until_true test -s status
	[ "$(cat status)" = 0 ]
}

@test "output that cannot be written is an error" {
	serve
	run -1 --separate-stderr bash -c "dnsq -@ $at a.x >/dev/full"
	[ "$stderr" = "dnsq: stdout: No space left on device" ]
	run -1 --separate-stderr bash -c "dnsq -@ $at a.x >&-"
	[ "$stderr" = "dnsq: stdout: Bad file descriptor" ]
}

@test "a reader that is slow: nothing is lost, and no question is asked twice" {
	serve
	seq 5000 | sed 's/.*/n&.x/' >names
	run -0 --separate-stderr bash -c "dnsq -@ $at -c 100 -v <names | (sleep 2; cat)"
	[ "${#lines[@]}" = 5000 ]
	[[ $stderr == *"5000 queries sent"* ]]
}

@test "-o keeps the order, whatever the answers' own" {
	serve
	printf '%s\n' late-200.x a.x late-100.x b.x nxdomain.x >in
	run -0 dnsq -@ "$at" -o -j <in
	[ "$(sed 's/{"name":"\([^"]*\)".*/\1/' <<<"$output" | tr '\n' ' ')" = "late-200.x. a.x. late-100.x. b.x. nxdomain.x. " ]
	run -0 dnsq -@ "$at" -j <in
	[[ ${lines[4]} == *late-200* ]]
}

@test "memory stays flat over long input" {
	local n i peaks=()
	serve
	# its peak is read when all is answered, and the open input still keeps it alive
	for n in 2000 40000; do
		rm -f in && mkfifo in
		dnsq -@ "$at" -c 100 <in >out 2>err 3>&- &
		pids+=("$!")
		exec 7>in
		seq "$n" | sed 's/.*/n&.x/' >&7
		for i in 1 2 3 4 5 6; do
			until_true eval '[ "$(wc -l <out)" = "$n" ]' && break
		done
		[ "$(wc -l <out)" = "$n" ]
		peaks+=("$(awk '/VmHWM/ { print $2 }' "/proc/${pids[-1]}/status")")
		exec 7>&-
		wait "${pids[-1]}"
	done
	[ "${peaks[0]}" -gt 1000 ]
	[ "${peaks[1]}" -lt $((peaks[0] + 2000)) ]
}
