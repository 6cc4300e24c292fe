#!/usr/bin/env bats
# SIP over TLS: sipd's certificates, clients with and without theirs, agents, and what cannot be trusted.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

# sign NAME SUBJECT-ALT-NAME: NAME.pem and NAME.key, signed by the CA
sign() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out "$1.pem" -extfile <(echo "subjectAltName=$2") 2>/dev/null
}

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca 2>/dev/null
	sign server DNS:localhost,IP:127.0.0.1
	sign client DNS:client.example
	sign other DNS:other.example,IP:127.0.0.1
}

# sipd_with TLS: starts sipd with that table; the address in $at
sipd_with() {
	printf 'tls = { %s }\nfunction request(req) req:reply(200, req.transport, { Contact = req:header("contact") }) end\n' "$1" >script.lua
	start sipd sipd -l tls:127.0.0.1:0 -d "$PWD" script.lua
	at=$(wait_for sipd.err '^sipd: listening on tls:127\.0\.0\.1:[0-9]+$')
	at=${at#*tls:}
}

dir() {
	echo "$BATS_FILE_TMPDIR"
}

# ask TLS: an agent's OPTIONS
ask() {
	cat >ask.lua <<-LUA
		local a = sip.agent(nil, { tls = { $1 } })
		for i = 1, 2 do
			local r, err = a:request { method = 'OPTIONS', uri = 'sips:x@$at' }
			print(r and r.status or 'none', r and r.reason or err)
		end
		local r = a:request { method = 'INVITE', uri = 'sips:x@$at' }
		print(r and r.dialog.target, r and r:header('contact'))
	LUA
	run --separate-stderr timeout 20 corun ask.lua
	printf '%s\n%s\n%s\n' "$output" "$stderr" "$(cat sipd.err)"
}

@test "an agent that trusts the certificate is answered, another one is not" {
	sipd_with "cert = '$(dir)/server.pem', key = '$(dir)/server.key'"
	ask "ca = '$(dir)/ca.pem'"
	[[ $output == $'200\ttls\n200\ttls\nsips:coop@127.0.0.1:'*$'\t<sips:coop@127.0.0.1:'*'>' ]]
	ask ''
	[[ ${lines[0]} == $'none\tcertificate verify failed: '* ]]
	ask 'verify = false'
	[ "${lines[0]}" = $'200\ttls' ]
	run ! grep -vE 'listening|bad connection from 127.0.0.1:[0-9]+: refused by the TLS peer: unknown ca' sipd.err
}

@test "an agent tells what is wrong with a server, and asks the next one first" {
	sipd_with "cert = '$(dir)/other.pem', key = '$(dir)/other.key'"
	cat >ask.lua <<-LUA
		local a = sip.agent(nil, { tls = { ca = '$(dir)/ca.pem' } })
		local function ask(uri, target)
			local r, err = a:request { method = 'OPTIONS', uri = uri, target = target }
			print(r and r.status or err)
		end
		ask('sips:x@127.0.0.1', 'tls:$at') -- the address is in the certificate
		ask('sips:localhost:${at#*:}')     -- the name is not, though the connection stands
		ask('sip:other.example', 'tls:localhost:${at#*:}')
		ask('sips:x@127.0.0.1', '$at')
		ask('sips:x@127.0.0.1', 'udp:$at')
		local closed <close> = net.listen('127.0.0.1:0')
		spawn(function() closed:accept():close() end)
		local there = closed:localaddr()
		ask('sips:x@' .. there)
		closed:close()
		ask('sips:x@' .. there)
		ask('sip:x@127.0.0.1:1;transport=tcp')
		-- of two servers one is gone
		local gone = net.listen('127.0.0.3:0')
		local port = gone:localaddr():match('%d+\$')
		gone:close()
		local real = dns.locate
		dns.locate = function(uri)
			return { { transport = 'tls', host = 'x', addr = '127.0.0.3', port = tonumber(port) },
				{ transport = 'tls', host = 'x', addr = '127.0.0.1', port = ${at#*:} } }
		end
		ask('sips:other.example')
		dns.locate = real
	LUA
	run --separate-stderr timeout 20 corun ask.lua
	printf '%s\n' "${lines[@]}" "$stderr"
	[ "${lines[0]}" = 200 ]
	[[ ${lines[1]} == *"tls:$at: certificate verify failed: "*"mismatch"* ]]
	[[ ${lines[2]} == *"tls:$at: certificate verify failed: "*"mismatch"* ]]
	[ "${lines[3]}" = 200 ]
	[ "${lines[4]}" = "a sips request goes over TLS, not UDP" ]
	[[ ${lines[5]} == *"closed"* || ${lines[5]} == *"reset"* ]]
	[ "${lines[6]}" = "Connection refused" ]
	[ "${lines[7]}" = "Connection refused" ]
	[ "${lines[8]}" = 200 ]
	[ "$status" -eq 0 ]
}

@test "openssl's client, a byte a time and all at once" {
	sipd_with "cert = '$(dir)/server.pem', key = '$(dir)/server.key'"
	request=$'OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK%s\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n'
	mkfifo in
	timeout 20 openssl s_client -quiet -connect "$at" -CAfile "$(dir)/ca.pem" <in >out 2>err 3>&- &
	pids+=("$!")
	exec 7>in
	# shellcheck disable=SC2059 # the format is the request
	printf "$request$request" 1 1 2 2 >&7
	until_true two_answers
	exec 7>&-
	grep -q 'SIP/2.0 200 tls' out
	# what speaks no TLS costs only itself
	corun - "$at" <<<"local c = net.connect(arg[1]) c:write('OPTIONS sip:x SIP/2.0\r\n\r\n') print(c:read(1))"
	ask "ca = '$(dir)/ca.pem'"
	[ "${lines[0]}" = $'200\ttls' ]
}

two_answers() {
	[ "$(grep -c '^SIP/2.0 200' out)" -eq 2 ]
}

@test "clients have to show a certificate if the script wants one" {
	sipd_with "cert = '$(dir)/server.pem', key = '$(dir)/server.key', ca = '$(dir)/ca.pem'"
	ask "ca = '$(dir)/ca.pem'"
	[[ ${lines[0]} == none* ]]
	wait_for sipd.err '^sipd: bad connection from 127.0.0.1:[0-9]+: certificate verify failed: the client sent none$'
	ask "ca = '$(dir)/ca.pem', cert = '$(dir)/client.pem', key = '$(dir)/client.key'"
	[ "${lines[0]}" = $'200\ttls' ]
}

@test "SIGHUP: another certificate for those who connect from now on; one that is no good changes nothing" {
	sipd_with "cert = '$(dir)/server.pem', key = '$(dir)/server.key'"
	sed -i 's/server\./other./g' script.lua
	kill -HUP "$pid"
	wait_for sipd.err 'in force'
	timeout 10 openssl s_client -connect "$at" </dev/null 2>/dev/null | grep -q 'subject=CN = other'
	sed -i 's/other\.pem/none.pem/' script.lua
	kill -HUP "$pid"
	wait_for sipd.err 'the old one goes on'
	grep -q "the script's tls: .*none.pem" sipd.err
	timeout 10 openssl s_client -connect "$at" </dev/null 2>/dev/null | grep -q 'subject=CN = other'
}

@test "no certificate, no TLS" {
	run --separate-stderr sipd -l tls:127.0.0.1:0
	[ "$status" -eq 1 ]
	[[ $stderr == *"option tls"* ]]
	echo 'tls = { cert = "nothing.pem" } function request() end' >s.lua
	run --separate-stderr sipd -n s.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *nothing.pem* ]]
	echo 'tls = { certificate = "x" } function request() end' >s.lua
	run --separate-stderr sipd -n s.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *"no such option: 'certificate'"* ]]
}
