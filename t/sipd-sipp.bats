#!/usr/bin/env bats
# sipp's scenarios in t/sipp, one for each case of a transaction, over UDP, TCP and TLS, and calls on a line that loses one in ten.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# Who is called says what is done.
service='
	local does = {}
	function does.ring(req) req:reply(180) sleep(30) end
	function does.slow(req) sleep(0.5) req:redirect("sip:elsewhere@example.com") end
	function does.moved(req) req:redirect("sip:elsewhere@example.com") end
	function does.call(req) req:reply(200) end
	function does.answer(req) req:reply(180) req:reply(200) end
	function request(req)
		if req.method == "INVITE" then return does[req.uri.user](req) end
		if req.method == "OPTIONS" or req.method == "BYE" then return req:reply(200) end
		req:reply(405, { Allow = "INVITE, ACK, BYE, CANCEL, OPTIONS" })
	end'

# serving ADDRESS [SCRIPT]: sipd there; where it is in $at, and sipp will be at the same IP address, $ip
serving() {
	printf '%s\n' "${2-$service}" >script.lua
	start sipd sipd -l "$1" script.lua
	at=$(wait_for sipd.err '^sipd: listening on')
	at=${at#*on *:}
	ip=${at%:*}
}

# calls NAME SIPP-OPTIONS...: 10 of them in the background; its pid in $pid
calls() {
	local name=$1
	shift
	start "$name" timeout 40 sipp -i "$ip" -p "$(free_port)" -m 10 -r 100 -max_socket 100 -nostdin -timeout 30 -timeout_error \
		-trace_err -error_file "$name.errors" "$@"
}

# all_cases WHERE TRANSPORT: each scenario, all at the same time
all_cases() {
	local where=$1 how=$2 line name user options patience=40
	local -a cases=("cancel ring" "trying slow" "invite-again moved -nr" "options-again moved -nr" "merged moved" "last-hop moved"
		"old-branch ring" "dialog answer" "call call -nr" "method nobody") running=()
	for line in "${cases[@]}"; do
		read -r name user options <<<"$line"
		calls "$name" -sf "$top/t/sipp/$name.xml" -s "$user" -t "$how" ${options:+"$options"} "$where"
		running+=("$pid")
	done
	for pid in "${running[@]}"; do
		line=${cases[0]} name=${line%% *}
		cases=("${cases[@]:1}")
		ended "$pid"
		echo "$name: $status"
		[ "$status" -eq 0 ] || { head -n 40 "$name.errors" "$name.err"; grep -v listening sipd.err; return 1; }
	done
	[ "$(wc -l <sipd.err)" -eq 1 ]
}

@test "each case of a transaction over UDP" {
	serving udp:127.0.0.1:0
	all_cases "$at" u1
}

@test "each case of a transaction over TCP, all calls on one connection" {
	serving tcp:127.0.0.1:0
	all_cases "$at" t1
}

@test "each case of a transaction over TCP and IPv6, a connection for each call" {
	serving "tcp:[::1]:0"
	all_cases "$at" tn
}

@test "each case of a transaction over TLS" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 2 -subj /CN=sipd \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	serving tls:127.0.0.1:0 "tls = { cert = '$PWD/cert', key = '$PWD/key' } $service"
	start relay corun "$top/t/lua/tlsrelay.lua" "$at" "$PWD/cert"
	at=$(wait_for relay.out listening)
	all_cases "${at##* }" tn
	[ ! -s relay.err ]
}

@test "one message in ten is lost on either way: all calls are completed" {
	serving udp:127.0.0.1:0
	start relay corun "$top/t/lua/lossy.lua" "$at" 10
	relay=$pid
	at=$(wait_for relay.out listening) at=${at##* }
	calls uac -sn uac -s call -m 25 "$at"
	running=("$pid")
	calls redirected -sf "$top/scripts/examples/sipp-redirect.xml" -s moved -m 25 "$at"
	running+=("$pid")
	calls options -sf "$top/scripts/examples/sipp-options.xml" -s x -m 25 "$at"
	running+=("$pid")
	local patience=40
	for pid in "${running[@]}"; do
		ended "$pid"
		[ "$status" -eq 0 ] || { head -n 40 ./*.errors ./*.err; return 1; }
	done
	for name in uac redirected options; do
		grep -q 'Successful call        |        0                  |       25 ' "$name.out"
	done
	stop "$relay"
	wait_for relay.out '^relay: [0-9]+ passed on, [1-9][0-9]* lost$'
	[ ! -s relay.err ]
}
