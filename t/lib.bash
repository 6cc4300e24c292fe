# lib.bash: for every .bats file: `load lib`. What a test starts is ended by its teardown, by pid; nothing waits by sleeping
# blindly; ports are the system's choice wherever a program can be told port 0, else from free_port.

bats_require_minimum_version 1.5.0

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
build=${COOP_BUILD:-$top/build}
case $build in /*) ;; *) build=$top/$build ;; esac
PATH=$build:$PATH
export PATH
# no configuration of this machine's in the tests
unset COOP_STATSD COOP_POLLER NO_COLOR
export LC_ALL=C.UTF-8 TZ=UTC

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	pids=()
}

teardown() {
	local pid
	for pid in "${pids[@]-}"; do
		[ -n "$pid" ] && kill "$pid" 2>/dev/null
	done
	for pid in "${pids[@]-}"; do
		[ -n "$pid" ] && { gone "$pid" || kill -9 "$pid" 2>/dev/null; }
	done
	return 0
}

# gone PID: waits until it has ended, 10 s at most
gone() {
	local i
	for ((i = 0; i < 200; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		# a zombie of ours has ended too
		case $(ps -o stat= -p "$1" 2>/dev/null) in Z* | '') wait "$1" 2>/dev/null; return 0 ;; esac
		sleep 0.05
	done
	return 1
}

# start NAME COMMAND...: in the background; its output in NAME.out and NAME.err, its pid in $pid (and ended by teardown)
start() {
	local name=$1
	shift
	: >"$name.out" >"$name.err"
	"$@" >"$name.out" 2>"$name.err" </dev/null 3>&- &
	pid=$!
	pids+=("$pid")
}

# stop PID [SIGNAL]: and its exit status in $status
stop() {
	kill "-${2:-TERM}" "$1"
	status=0
	wait "$1" || status=$?
}

# wait_for FILE REGEX: until a line of the file matches, 10 s at most; prints the first such line
wait_for() {
	local i
	for ((i = 0; i < 200; i++)); do
		grep -m 1 -E -- "$2" "$1" 2>/dev/null && return 0
		sleep 0.05
	done
	echo "wait_for: no line of $1 matches $2; it holds:" >&2
	cat "$1" >&2
	return 1
}

# until_true COMMAND...: until it succeeds, 10 s at most
until_true() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	return 1
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

# start_nsd ZONE FILE [ZONE FILE ...]: NSD on 127.0.0.1; its port in $nsd_port
start_nsd() {
	local i
	for ((i = 0; i < 5; i++)); do
		nsd_port=$(free_port)
		{
			printf 'server:\n ip-address: 127.0.0.1\n port: %s\n username: ""\n chroot: ""\n zonesdir: "/"\n' "$nsd_port"
			printf ' database: ""\n pidfile: "%s/nsd.pid"\n xfrdfile: "%s/xfrd.state"\n' "$PWD" "$PWD"
			printf ' zonelistfile: "%s/zone.list"\n xfrdir: "%s"\n cookie-secret-file: ""\n' "$PWD" "$PWD"
			printf 'remote-control:\n control-enable: no\n'
			local zones=("$@") k
			for ((k = 0; k < ${#zones[@]}; k += 2)); do
				printf 'zone:\n name: "%s"\n zonefile: "%s"\n' "${zones[k]}" "${zones[k + 1]}"
			done
		} >nsd.conf
		start nsd nsd -d -c "$PWD/nsd.conf"
		until_true answers_soa "$nsd_port" "$1" && return 0
		kill "$pid" 2>/dev/null
	done
	cat nsd.err >&2
	return 1
}
