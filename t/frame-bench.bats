# scripts/bench: what is measured, not how much it is.

# shellcheck disable=SC2154 # bats sets variables
load lib

@test "corun beside others: a row for each work, ratios, goals and whether they are reached" {
	run --separate-stderr env REPEAT=1 COOP_BUILD="$build" "$top/scripts/bench/corun" spawn switch timeout
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	local row
	for row in 'spawn, run, finish' switch 'timeout armed and removed, 10\^5 pending'; do
		grep -qE "^$row +ns( +[0-9.]+){3}( +[0-9.]+| +-)+$" <<<"$output"
	done
	grep -qE '^    [0-9.]+ x limit \(at most 1.4: (yes|NO)\), [0-9.]+ x bare \(at most 0.5: (yes|NO)\)' <<<"$output"
}

@test "a benchmark's table as tab-separated values: ours and a peer, with what it may be at most" {
	run --separate-stderr env REPEAT=1 COOP_BUILD="$build" "$top/scripts/bench/corun" -t spawn
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	local number='[0-9.e+]+'
	grep -qP "^spawn, run, finish\tns\tcorun(\t$number){3}\t1\t1.000\t\t$" <<<"$output"
	grep -qP "^spawn, run, finish\tns\tlimit(\t$number){3}\t1\t$number\t1.4\t(yes|no)$" <<<"$output"
	# hundreds of times dearer than the least would be a fault
	awk -F'\t' '$3 == "limit" && $8 > 100 { exit 1 }' <<<"$output"
}

@test "echo servers are measured by what they spend on a request" {
	run --separate-stderr env REPEAT=1 SECONDS_EACH=0.2 COOP_BUILD="$build" "$top/scripts/bench/corun" -t udp tcp
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	local subject
	for subject in corun limit; do
		awk -F'\t' -v subject="$subject" '
			$1 ~ /^(UDP echo, 128 in flight|TCP echo, 100 connections)$/ && $2 == "us" && $3 == subject && $4 > 0.1 && $4 < 10000 { seen++ }
			END { exit seen != 2 }
		' <<<"$output"
	done
}

@test "a benchmark that there is not, and a work that there is not, are told" {
	run --separate-stderr -2 "$top/scripts/bench/run" nonesuch
	[ "$stderr" = "run: no such part: nonesuch" ]
	run --separate-stderr -2 env COOP_BUILD="$build" "$top/scripts/bench/corun" nonesuch
	[[ $stderr == "corun: no such work: nonesuch; there are: spawn switch"* ]]
}

@test "gcwatch beside the least C: nothing is lost, and it costs little more" {
	run --separate-stderr env REPEAT=1 SECONDS_EACH=1 RECEIVERS="gcwatch limit" COOP_BUILD="$build" "$top/scripts/bench/gc" single twenty
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 7 ]
	grep -qE '^a line, 20,000 datagrams a second of 1 +us( +[0-9]+\.[0-9]+){2}$' <<<"$output"
	grep -qE '^    [0-9.]+ x limit \(at most 1\.3: (yes|NO)\)$' <<<"$output"
	grep -qE '^RSS +MiB' <<<"$output"
	awk '/^a line/ && $(NF - 1) > 100 { exit 1 }' <<<"$output"
	run --separate-stderr -2 env COOP_BUILD="$build" "$top/scripts/bench/gc" nonesuch
	[ "$stderr" = "gc: no such work: nonesuch; there are: single twenty loss inout stop week live" ]
	run --separate-stderr env -u BRUBECK REPEAT=1 SECONDS_EACH=1 RECEIVERS="gcwatch brubeck" COOP_BUILD="$build" "$top/scripts/bench/gc" stop
	[ "$stderr" = "gc: brubeck is not there, so it is left out" ]
	[[ $output == *"lines lost by SIGTERM"*" 0.0000"* ]]
}

@test "dnsq beside the least C: it costs little more, and asks each question once" {
	run --separate-stderr env -u MASSDNS REPEAT=1 NAMES=20000 COOP_BUILD="$build" "$top/scripts/bench/dns" json exact
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 7 ]
	grep -qE '^NDJSON, answers one by one +[0-9]+\.[0-9]{3}$' <<<"$output"
	[ "$(grep -cE '^queries a question, -c [0-9]+ +1\.0[0-9]{2}$' <<<"$output")" -eq 4 ]
}

@test "sipd beside the least C that answers: rows, and what they may be at most" {
	run --separate-stderr env REPEAT=1 SECONDS_EACH=0.3 SUBJECTS="sipd limit" COOP_BUILD="$build" "$top/scripts/bench/sip" options invite
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 5 ]
	grep -qE '^OPTIONS, 200 +us( +[0-9.]+){2}$' <<<"$output"
	grep -qE '^    [0-9.]+ x limit \(at most 1.6: (yes|NO)\)$' <<<"$output"
	grep -qE '^INVITE, transaction, 302, ACK +us +[0-9.]+ +[0-9.]+$' <<<"$output"
}

@test "sipd beside others, with a name server and with two workers: what is to be much is told from what is to be little" {
	run --separate-stderr env REPEAT=1 SECONDS_EACH=0.2 SUBJECTS=sipd COOP_BUILD="$build" "$top/scripts/bench/sip" -t enum workers
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	local number='[0-9.e+]+'
	grep -qP "^INVITE, ENUM, 302 or 404, ACK\tus\tsipd(\t$number){3}\t1\t1.000\t\t$" <<<"$output"
	grep -qP "^OPTIONS a second, two cores by one\tx\tsipd(\t$number){3}\t1\t1.000\t>=1.8\t(yes|no)$" <<<"$output"
}

@test "the picture that coop(7) speaks of is there, and small" {
	local picture
	picture=$(sed -n 's/^\.Pa \(man\/.*\.svg\)$/\1/p' "$top/man/coop.7")
	[ "$(wc -c <"$top/$picture")" -lt 20000 ]
	grep -q '^<svg ' "$top/$picture"
	grep -q '</svg>' "$top/$picture"
	local name
	for name in kept new corun; do grep -q "$name-inc.rss" "$top/$picture"; done
}
