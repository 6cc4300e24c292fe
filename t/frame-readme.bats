# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # dollars are the README's; tests are subshells; lib.bash and bats set variables
# What README.md shows is true: its commands, as a user would type them, print what it says.

load lib

# session N: the N-th console session of README.md
session() {
	awk -v n="$1" '
		/^```console$/ { show = (++seen == n); next }
		/^```$/ { show = 0 }
		show
	' "$top/README.md"
}

# typed N K: the K-th command of the N-th session; shown N K: what it prints there
typed() { session "$1" | grep '^\$ ' | sed -n "$2s/^\\\$ //p"; }
shown() { session "$1" | awk -v k="$2" '/^\$ / { seen++; next } seen == k'; }

# at PORT COMMAND: the command with the port in place of the well-known one
at() { sed -E "s/(127\.0\.0\.1[:#])5[03][60]0/\1$1/g" <<<"$2"; }

# serving NAME COMMAND: starts a server as README.md has it, at a port of the system's choice, in $port; its first line is in $greeting
serving() {
	local words
	read -ra words <<<"${2% &}"
	cd "$top" || return 1
	start "$BATS_TEST_TMPDIR/$1" "${words[@]}"
	cd "$BATS_TEST_TMPDIR" || return 1
	greeting=$(wait_for "$1.err" listening)
	port=${greeting##*:}
}

# figures: numbers that differ from run to run are N
figures() { sed -E 's/[0-9]+\.[0-9]+ ms/N ms/g'; }

@test "README: coroutines that sleep" {
	run --separate-stderr bash -c "$(typed 1 1)"
	[ "$status" -eq 0 ]
	[ "$output" = "$(shown 1 1)" ]
	[ -z "$stderr" ]
}

@test "README: telephone numbers in a pipe" {
	serving ns "$(at 0 "$(typed 2 1)")"
	[ "${greeting/:$port/:5300}" = "$(shown 2 1)" ]
	run --separate-stderr bash -c "$(at "$port" "$(typed 2 2)")"
	[ "$status" -eq 0 ]
	[ "$output" = "$(shown 2 2)" ]
	[ -z "$stderr" ]
}

@test "README: three thousand calls" {
	serving ns "$(at 0 "$(typed 2 1)")"
	serving sipd "$(at 0 "$(typed 3 1)" | sed "s/#0/#$port/")"
	[ "${greeting/:$port/:5060}" = "$(shown 3 1)" ]
	cd "$top"
	run --separate-stderr bash -c "$(at "$port" "$(typed 3 2)")"
	[ "$status" -eq 0 ]
	# a machine with much else to do may send a request twice: what counts is that none is lost
	[ "$(figures <<<"$output" | sed -E 's/[0-9]+ sent again/0 sent again/')" = "$(shown 3 2 | figures)" ]
	[ -z "$stderr" ]
}

@test "README: coroutines, second by second" {
	run --separate-stderr bash -c "$(at 0 "$(typed 4 1 | sed 's/gcwatch/& -l 127.0.0.1:0/')")"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[[ $(shown 4 1 | sed -n 2p) =~ ^[0-9]{10}$'\t'corun\.co(($'\t'[0-9]+){5})$ ]]
	[ "$(grep -cvE $'^[0-9]{10}\tcorun\\.co(\t[0-9.]+){5}$' <<<"$stderr")" -eq 0 ]
	# when exactly a sample is taken is the machine's matter: of 2000 coroutines it has seen many, and in the end few
	[ "$(cut -f 6 <<<"$stderr" | sort -n | tail -n 1)" -gt 500 ]
	[ "$(tail -n 1 <<<"$stderr" | cut -f 7)" -lt 100 ]
}

@test "README: every file and make goal that it names is there" {
	local file goal
	for file in $(grep -oE '\]\([^)]+\)' "$top/README.md" | tr -d '])('); do
		[ -e "$top/$file" ] || { echo "no $file"; return 1; }
	done
	for goal in $(grep -oE '(`|^)make [a-z]+' "$top/README.md" | sed 's/.* //'); do
		grep -q "^$goal:" "$top/Makefile" || { echo "no goal $goal"; return 1; }
	done
	# every page is named
	for file in "$top"/man/*.[0-9]; do grep -q "(man/${file##*/})" "$top/README.md"; done
}
