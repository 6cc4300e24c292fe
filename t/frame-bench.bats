# scripts/bench: what is measured, not how much it is.

# shellcheck disable=SC2154 # bats sets variables
load lib

@test "corun beside plain Lua and the least C: a row for each work, with ratios" {
	run --separate-stderr env REPEAT=1 COOP_BUILD="$build" "$top/scripts/bench/corun" spawn switch timeout
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 5 ]
	local row
	for row in 'spawn, run, finish' switch 'timeout armed and removed, 10\^5 others pending'; do
		grep -qE "^$row( +[0-9]+\.[0-9]){3}( +[0-9]+\.[0-9]{2}){2}  ns$" <<<"$output"
	done
	# hundreds of times dearer than the least would be a fault
	awk '$NF == "ns" && $(NF - 1) > 100 { exit 1 }' <<<"$output"
}

@test "gcwatch beside the least C: nothing is lost, and it costs little more" {
	run --separate-stderr env REPEAT=1 SECONDS_EACH=1 RECEIVERS="gcwatch limit" COOP_BUILD="$build" "$top/scripts/bench/gc" single twenty
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 5 ]
	grep -qE '^us a line, 20,000 datagrams a second of 1( +[0-9]+\.[0-9]{3}){2} +[0-9]+\.[0-9]{2}$' <<<"$output"
	grep -qE '^RSS, MiB' <<<"$output"
	awk '/^us a line/ && $NF > 100 { exit 1 }' <<<"$output"
}

@test "dnsq beside the least C: it costs little more, and asks each question once" {
	run --separate-stderr env -u MASSDNS REPEAT=1 NAMES=20000 COOP_BUILD="$build" "$top/scripts/bench/dns" json exact
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 7 ]
	grep -qE '^NDJSON, answers one by one +[0-9]+\.[0-9]{3}$' <<<"$output"
	[ "$(grep -cE '^queries a question, -c [0-9]+ +1\.0[0-9]{2}$' <<<"$output")" -eq 4 ]
}
