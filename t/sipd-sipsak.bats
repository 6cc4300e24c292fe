#!/usr/bin/env bats
# sipsak in all its modes against sipd. Not -M and -I: Debian's sipsak crashes in them before it has sent anything.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# serving SCRIPT: sipd with it, at one port for UDP and TCP, in $port
serving() {
	local script=$1 i
	printf '%s\n' "$script" >script.lua
	for ((i = 0; i < 5; i++)); do
		port=$(free_port)
		start sipd sipd -v -l "udp:127.0.0.1:$port" -l "tcp:127.0.0.1:$port" script.lua
		until_true started && break
	done
	wait_for sipd.err '^sipd: listening on tcp'
}

# it listens, or cannot: another program was quicker to take the port
started() { grep -q 'listening on tcp' sipd.err || is_gone "$pid"; }

# sak OPTIONS...: its output in $output
sak() {
	run timeout 30 sipsak "$@"
	printf 'sipsak %s: %s\n%s\n' "$*" "$status" "$output"
}

ok='function request(req) req:reply(200) end'

@test "OPTIONS over UDP and TCP" {
	serving "$ok"
	for how in udp tcp; do
		sak -E "$how" -vv -s "sip:x@127.0.0.1:$port"
		[ "$status" -eq 0 ]
		[[ $output == *"SIP/2.0 200 OK"*"SIP/2.0/${how^^} "*";received=127.0.0.1"* ]]
	done
}

@test "OPTIONS over TLS" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 2 -subj /CN=127.0.0.1 2>/dev/null
	printf 'tls = { cert = "%s", key = "%s" }\n%s\n' "$PWD/cert" "$PWD/key" "$ok" >script.lua
	start sipd sipd -l tls:127.0.0.1:0 script.lua
	at=$(wait_for sipd.err 'listening on tls') at=${at#*tls:}
	# sipsak takes TLS 1.3's tickets for the end of the connection
	printf '[overrides]\ndisabled-version = tls1.3\n' >gnutls
	GNUTLS_SYSTEM_PRIORITY_FILE=$PWD/gnutls sak -E tls --tls-ignore-cert-failure -vv -s "sip:x@$at"
	[ "$status" -eq 0 ]
	[[ $output == *"SIP/2.0 200 OK"*"SIP/2.0/TLS "* ]]
	[ "$(wc -l <sipd.err)" -eq 1 ]
}

@test "a redirection is followed" {
	serving 'function request(req) if req.uri.user == "x" then req:redirect("sip:y@127.0.0.1:" .. arg[1]) else req:reply(200, req.uri.user) end end'
	sed -i "s/arg\[1\]/$port/" script.lua
	kill -HUP "$pid"
	wait_for sipd.err 'in force'
	sak -vv -s "sip:x@127.0.0.1:$port"
	[ "$status" -eq 0 ]
	[[ $output == *"received redirect"*"SIP/2.0 200 y"* ]]
}

@test "the route is traced to its end: who answers himself does not mind Max-Forwards" {
	serving "$ok"
	for how in udp tcp; do
		sak -E "$how" -T -s "sip:x@127.0.0.1:$port"
		[ "$status" -eq 0 ]
		[[ $output == *"0: "*"SIP/2.0 200 OK"* ]]
	done
}

@test "a flood" {
	serving "$ok"
	sak -F -e 100 -s "sip:flood@127.0.0.1:$port"
	[ "$status" -eq 0 ]
	until_true all_came
	sak -E tcp -F -e 500 -s "sip:flood@127.0.0.1:$port"
	[ "$status" -eq 0 ]
	sak -s "sip:x@127.0.0.1:$port"
	[ "$status" -eq 0 ]
}

all_came() { [ "$(grep -c '^sipd: OPTIONS' sipd.err)" -eq 100 ]; }

@test "usrloc mode: a script that registers, and one that does not" {
	serving 'function request(req)
			if req.uri.user or req.method ~= "REGISTER" then return req:reply(404) end
			if req.to.user == "x" then return req:reply(200, { Contact = req:header("Contact"), Expires = req:header("Expires") }) end
			req:reply(405, { Allow = "OPTIONS" })
		end'
	sak -U -vv -s "sip:x@127.0.0.1:$port"
	[ "$status" -eq 0 ]
	[[ $output == *"All usrloc tests completed successful"* ]]
	sak -E tcp -U -vv -s "sip:y@127.0.0.1:$port"
	[ "$status" -eq 1 ]
	[[ $output == *"SIP/2.0 405 Method Not Allowed"*"Allow: OPTIONS"* ]]
}

@test "requests with random faults cost only themselves" {
	serving "$ok"
	sipd=$pid
	running=()
	for i in 1 2 3 4 5 6; do
		for how in udp tcp; do
			start "random-$how-$i" timeout 30 sipsak -E "$how" -R -D 1 -Z 100 -s "sip:x@127.0.0.1:$port"
			running+=("$pid")
		done
	done
	patience=30
	for pid in "${running[@]}"; do
		ended "$pid"
		echo "$status"
		# 3: there was no answer, since it could not be answered; 2: its connection was closed, since nobody knew where it ends
		[[ $status == [023] ]]
	done
	sak -s "sip:x@127.0.0.1:$port"
	[ "$status" -eq 0 ]
	stop "$sipd"
	[ "$status" -eq 0 ]
}
