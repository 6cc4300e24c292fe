# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
# make soak, for some seconds: what it leaves, what it tells.
load lib

@test "some seconds of a soak: a picture, a recording, a table, and nothing running" {
	export TMPDIR=$PWD/tmp COOP_BUILD=$build HOURS=0.001 RATE=100 QUIET=2
	mkdir tmp
	patience=60
	GC=gen THREADS=new COLLECT=lua start soak "$top/scripts/soak/run"
	ended "$pid"
	[ "$status" -eq 0 ] || { cat soak.out soak.err; return 1; }
	grep -qE ' [1-9][0-9]* sent, answered 200: [0-9]+ 302: [0-9]+ .* 0 lost, p50 ' soak.out
	grep -qE '^sipd\.gc +[0-9.]+ [KM]iB ' soak.out
	grep -qE '^proc\.rss: 2 s after the load / before it: [0-9.]+$' soak.out
	grep -q '>sipd, 100 requests/s, gen, new' soak-gen-new-lua.svg
	# a coroutine for each request, and for the calls that wait
	[ "$(awk -F '\t' '$2 == "sipd.co" && $6 > most { most = $6 } END { print most }' soak-gen-new-lua.tsv)" -ge 2 ]
	[ -z "$(ls tmp)" ]
}

@test "a soak with settings that make no sense" {
	local setting
	for setting in HOURS=long RATE=-1 GC=yes THREADS=7 COLLECT=never LOAD=none; do
		run -2 --separate-stderr env COOP_BUILD="$build" "$setting" "$top/scripts/soak/run"
		[[ ${stderr_lines[0]} == "soak: $setting"* ]]
		[[ ${stderr_lines[1]} == 'usage: make soak '* ]]
	done
}

@test "the pictures that sipd(8) speaks of are there, and small" {
	local picture n=0
	while read -r picture; do
		[ "$(wc -c <"$top/$picture")" -lt 20000 ]
		grep -q '^<svg ' "$top/$picture"
		n=$((n + 1))
	done < <(sed -n 's/^\.Pa \(man\/.*\.svg\)$/\1/p' "$top/man/sipd.8")
	[ "$n" -eq 2 ]
}
