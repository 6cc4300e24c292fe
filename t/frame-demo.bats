# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
# make demo: what it shows, what it leaves, and that it can be interrupted. teardown looks for processes left behind.

load lib

# line REGEX: a line of the demo's output
line() {
	grep -qE -- "$1" demo.out || { echo "no line $1 in:"; cat demo.out demo.err; return 1; }
}

@test "the whole chain: calls redirected by ENUM, OPTIONS answered whatever the name server does, a picture" {
	export TMPDIR=$PWD/tmp COOP_BUILD=$build
	mkdir tmp
	patience=60
	start demo "$top/scripts/demo"
	ended "$pid"
	[ "$status" -eq 0 ] || { cat demo.out demo.err; return 1; }
	line $'^\\+15551234567\tE2U\\+sip\tsip:15551234567@example.com$'
	line $'^OPTIONS\t3000 sent, 3000 answered \(200: 3000\), .* 0 lost\t'
	line $'^INVITE\t3000 sent, 3000 answered \(302: 3000\), .* 0 lost\t'
	line $'^OPTIONS\t2000 calls, 2000 successful, 0 failed'
	line $'^INVITE\t2000 calls, 2000 successful, 0 failed'
	# the plug is out
	line $'^OPTIONS\t500 sent, 500 answered \(200: 500\), .* 0 lost\t'
	# those who waited for the name server in vain are told so, the last ones are not too late
	line $'^INVITE\t100 sent, 100 answered \(302: [1-9][0-9]*, 480: [1-9][0-9]*\), .* 0 lost\t'
	[ "$(grep -cE '^(memory, KiB|of that Lua, KiB|coroutines)( +[0-9]+){3}$' demo.out)" -eq 3 ]
	# each INVITE waits 200 ms, 500 come a second: so many coroutines at least were there at once
	[ "$(awk '$1 == "coroutines" { print $4 }' demo.out)" -ge 80 ]
	grep -q '<svg' demo.svg
	# in the end, none is left
	[ "$(awk -F '\t' '$2 == "sipd.co" { last = $7 } END { print last }' demo.tsv)" -le 1 ]
	[ -z "$(ls tmp)" ]
}

@test "interrupted, it ends at once and leaves nothing running" {
	export TMPDIR=$PWD/tmp COOP_BUILD=$build
	mkdir tmp
	for signal in INT TERM; do
		# in the background SIGINT is ignored, on a terminal it is not
		start demo env --default-signal=INT "$top/scripts/demo"
		wait_for demo.out '^OPTIONS'
		began=$SECONDS
		stop "$pid" "$signal"
		[ "$status" -eq $((128 + $(kill -l "$signal"))) ]
		[ $((SECONDS - began)) -le 2 ]
		[ -z "$(ls tmp)" ]
		none_left
	done
}
