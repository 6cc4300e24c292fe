# shellcheck shell=bash disable=SC2034 # the variables are the parts'
# lib.bash: for every part of the benchmark: `. "${0%/*}/lib.bash"`. Who is measured runs on one core, who loads it on another, if we may
# choose. Subjects are run by turns, REPEAT times each, so that what the machine does meanwhile meets them all; the medians are shown.
# Option of every part: -t, the table as tab-separated values.

bench=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
build=$(realpath "${COOP_BUILD:-build}")
lua=${LUA:-lua5.4}
tsv=${BENCH_TSV:-}
scratch=$(mktemp -d)
server=

# what was started and still runs is ended, whatever happens
cleanup() {
	[ -z "$server" ] || end_server
	rm -rf "$scratch"
}
trap cleanup EXIT

: >"$scratch/results"
: >"$scratch/goals"

pin=() pin_load=()
if command -v taskset >/dev/null && taskset -c 1 true 2>/dev/null; then
	pin=(taskset -c 0)
	pin_load=(taskset -c 1)
fi

# who is late because others have the core is not late by itself
first=("${pin[@]}")
# a second of rest, since Linux takes a twentieth of each from those that come first
if chrt -f 1 true 2>/dev/null; then first=(sh -c 'sleep 1; exec chrt -f 1 "$@"' sh "${pin[@]}"); fi

# options "$@": what is left of the arguments in $works
options() {
	works=()
	while [ $# -gt 0 ]; do
		case $1 in
		-t) tsv=yes ;;
		-*)
			echo "${0##*/}: $1: the one option is -t, for tab-separated values" >&2
			exit 2
			;;
		*) works+=("$1") ;;
		esac
		shift
	done
}

# result SUBJECT ROW VALUE UNIT
result() {
	printf '%s\t%s\t%s\t%s\n' "$@" >>"$scratch/results"
}

# measure SUBJECT COMMAND...: it prints lines of ROW, VALUE, UNIT with tabs between; a subject that cannot do the work prints nothing
measure() {
	local subject=$1
	shift
	"${pin[@]}" "$@" </dev/null >"$scratch/measured" || {
		echo "${0##*/}: $subject failed: $*" >&2
		return 1
	}
	sed "s/^/$subject\t/" "$scratch/measured" >>"$scratch/results"
}

# serve COMMAND...: in the background, its pid in $server; what it says is shown only by `cat "$scratch/server"`
serve() {
	"${pin[@]}" "$@" </dev/null >"$scratch/server" 2>&1 &
	server=$!
}

end_server() {
	kill "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	server=
}

# goal ROW FACTOR SUBJECT: ours is to be at most FACTOR times the subject's; goal ROW VALUE: at most VALUE
goal() {
	printf '%s\t%s\t%s\n' "$1" "$2" "${3-}" >>"$scratch/goals"
}

# at_least ROW FACTOR SUBJECT, at_least ROW VALUE: the same for what is to be much
at_least() {
	printf '%s\t%s\t%s\tleast\n' "$1" "$2" "${3-}" >>"$scratch/goals"
}

# cpu_ns PID: the time it has run for, with all its threads
cpu_ns() {
	cat /proc/"$1"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f\n", n }'
}

# table TITLE SUBJECT...: ours is the first
table() {
	"$lua" "$bench/lua/table.lua" "$scratch/results" "$scratch/goals" "$tsv" "$@"
}
