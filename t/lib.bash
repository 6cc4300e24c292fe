# shellcheck shell=bash disable=SC2034 # the variables are the tests'
# lib.bash: for every .bats file: `load lib`. What a test starts is ended by its teardown, by pid; nothing waits by sleeping
# blindly; ports are the system's choice wherever a program can be told port 0, else from free_port.

bats_require_minimum_version 1.5.0

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
build=${COOP_BUILD:-$top/build}
case $build in /*) ;; *) build=$top/$build ;; esac
PATH=$build:$PATH
export PATH
# no configuration of this machine's in the tests
unset COOP_STATSD COOP_POLLER COOP_RESOLV_CONF COOP_HOSTS LOCALDOMAIN RES_OPTIONS NO_COLOR
# nor the make that runs them
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL DESTDIR PREFIX BINDIR SBINDIR MANDIR SAN POLLER FUZZ
export LC_ALL=C.UTF-8 TZ=UTC
# how many seconds one waits for what must come
patience=${COOP_PATIENCE:-10}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	pids=()
}

# What the test started is ended; a process that then still runs, of the test's own or a child of one, fails the test.
teardown() {
	local pid left
	for pid in "${pids[@]-}"; do
		[ -n "$pid" ] && kill "$pid" 2>/dev/null
	done
	for pid in "${pids[@]-}"; do
		[ -n "$pid" ] && gone "$pid"
	done
	until_true none_left && return 0
	left=$(left_over)
	echo "still running after the test:"
	# shellcheck disable=SC2086 # several pids
	ps -o pid=,args= -p "${left//$'\n'/,}"
	# shellcheck disable=SC2086
	kill -9 $left
	return 1
}

# left_over: the pids of all that was started by this test, at any remove, and lives
left_over() {
	local file
	for file in $(env -u BATS_TEST_TMPDIR grep -lzxF "BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR" /proc/[0-9]*/environ 2>/dev/null); do
		file=${file#/proc/}
		echo "${file%/environ}"
	done
}

none_left() {
	[ -z "$(left_over)" ]
}

# until_true COMMAND...: until it succeeds, $patience seconds at most
until_true() {
	local end=$((${EPOCHREALTIME/./} + ${patience%.*}000000))
	case $patience in *.*) end=$((end + 100000 * ${patience#*.})) ;; esac
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# gone PID: waits until it has ended
gone() {
	until_true is_gone "$1"
}

is_gone() {
	# a zombie has ended too
	case $(ps -o stat= -p "$1") in Z* | '') ;; *) return 1 ;; esac
}

# start NAME COMMAND...: in the background; its output in NAME.out and NAME.err, its pid in $pid (and ended by teardown)
start() {
	local name=$1
	shift
	: >"$name.out"
	: >"$name.err"
	"$@" >"$name.out" 2>"$name.err" </dev/null 3>&- &
	pid=$!
	pids+=("$pid")
}

# stop PID [SIGNAL]: and its exit status in $status; one that does not end is killed, and fails the test
stop() {
	kill "-${2:-TERM}" "$1"
	ended "$1" && return 0
	echo "stop: $1 does not end on ${2:-TERM}" >&2
	kill -9 "$1"
	return 1
}

# ended PID: waits until what `start` started has ended by itself; its exit status in $status
ended() {
	gone "$1" || return 1
	status=0
	wait "$1" || status=$?
}

# wait_for FILE REGEX: until a line of the file matches; prints the first such line
wait_for() {
	if ! until_true grep -qE -- "$2" "$1"; then
		echo "wait_for: no line of $1 matches $2; it holds:" >&2
		cat "$1" >&2
		return 1
	fi
	grep -m 1 -E -- "$2" "$1"
}

# free_port: a port of 127.0.0.1 that is free for UDP and TCP, below the range from which the system gives its own
free_port() {
	local port i
	for ((i = 0; i < 100; i++)); do
		port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
		if corun - "$port" <<<"local p = '127.0.0.1:' .. arg[1] os.exit(net.udp(p) and net.listen(p) and 0 or 1)"; then
			echo "$port"
			return 0
		fi
	done
	return 1
}

answers_soa() {
	[ -n "$(kdig +short +timeout=1 +retry=0 @127.0.0.1 -p "$1" "$2" SOA)" ]
}

# start_nsd ZONE FILE [ZONE FILE ...]: NSD on 127.0.0.1, with $nsd_options in its server clause; its port in $nsd_port
start_nsd() {
	local i
	for ((i = 0; i < 5; i++)); do
		nsd_port=$(free_port)
		{
			printf 'server:\n ip-address: 127.0.0.1\n port: %s\n username: ""\n chroot: ""\n zonesdir: "/"\n' "$nsd_port"
			printf ' database: ""\n pidfile: "%s/nsd.pid"\n xfrdfile: "%s/xfrd.state"\n' "$PWD" "$PWD"
			printf ' zonelistfile: "%s/zone.list"\n xfrdir: "%s"\n cookie-secret-file: ""\n' "$PWD" "$PWD"
			printf ' %s\n' "${nsd_options-}"
			printf 'remote-control:\n control-enable: no\n'
			local zones=("$@") k
			for ((k = 0; k < ${#zones[@]}; k += 2)); do
				printf 'zone:\n name: "%s"\n zonefile: "%s"\n' "${zones[k]}" "${zones[k + 1]}"
			done
		} >nsd.conf
		start nsd nsd -d -c "$PWD/nsd.conf"
		until_true answers_soa "$nsd_port" "$1" && return 0
		# another program was quicker to take the port: try the next
		grep -q "can't bind" nsd.err || break
		stop "$pid" 2>/dev/null || true
	done
	head -n 20 nsd.err >&2
	return 1
}

# example PAGE N: the N-th literal display of the page's EXAMPLES, as a user would type it
example() {
	awk -v n="$2" '
		/^\.Sh/ { in_examples = ($2 == "EXAMPLES") }
		in_examples && /^\.Bd -literal/ { show = (++seen == n); next }
		/^\.Ed/ { show = 0 }
		show { gsub(/\\e/, "\\"); print }
	' "$top/man/$1"
}

# file_of PAGE N: what a display of the form "$ cat FILE ... $ command" holds as FILE
file_of() { example "$1" "$2" | sed -e 1d -e '/^\$/,$d'; }
