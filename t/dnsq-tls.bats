# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2034,SC2154
# DNS over TLS: our own server, NSD, and servers that are not what they should be.
load lib

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	# the authority, and a server's certificate of it
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=server 2>/dev/null
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem \
		-extfile <(echo subjectAltName=DNS:dns.example,IP:127.0.0.1) 2>/dev/null
}

# serve: the mock server; $plain and $tls are its addresses
serve() {
	start mock corun "$top/t/mock/dns.lua" 127.0.0.1:0 "$BATS_FILE_TMPDIR/server.pem" "$BATS_FILE_TMPDIR/server.key"
	until_true two_lines
	plain=$(sed -n 1p mock.out)
	tls=$(sed -n 2p mock.out)
}

two_lines() { [ "$(wc -l <mock.out)" -ge 2 ]; }

@test "asked by -k, or by the server's address; padded" {
	serve
	for options in "-k -@ $tls" "-@ tls:$tls" "-k @tls:$tls" "--tls --server ${tls/:/#}"; do
		# shellcheck disable=SC2086 # several
		run --separate-stderr dnsq $options www.example
		[ "$status" -eq 0 ]
		[ "$output" = $'www.example.\t60\tIN\tA\t192.0.2.1' ]
		[ -z "$stderr" ]
	done
	run --separate-stderr dnsq -R -@ "tls:$tls" www.example
	[[ $output == *";; SERVER: $tls (TLS)"* ]]
	[ "$(sed 1,2d mock.out | uniq -c | xargs)" = '5 tls www.example. A edns padded' ]
}

@test "many questions on few connections, both pollers" {
	serve
	seq 3000 | sed 's/$/.example/' >names
	for poller in epoll poll; do
		COOP_POLLER=$poller run --separate-stderr timeout 60 dnsq -k -@ "$tls" -s -v <names
		[ "$status" -eq 0 ]
		[ "$(grep -c '^192.0.2.1$' <<<"$output")" -eq 3000 ]
		[[ $stderr == *" 1 TCP connections,"* ]]
	done
}

@test "a server that closes after each answer, one that is late, one that says what the name says" {
	serve
	run --separate-stderr timeout 20 dnsq -o -k -@ "$tls" hangup-1.example hangup-2.example hangup-3.example late-100.example \
		big.example nxdomain.example
	[ "$status" -eq 0 ]
	[ "$(grep -c '192.0.2.1$' <<<"$output")" -eq 5 ]
	[ "$(grep -c '^big' <<<"$output")" -eq 60 ]
	[[ $output == *"; nxdomain.example. A NXDOMAIN" ]]
}

@test "with a name the certificate is verified: what is wrong is said" {
	serve
	SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca.pem run --separate-stderr dnsq -@ "tls:$tls/dns.example" www.example
	[ "$status" -eq 0 ]
	[ "$output" = $'www.example.\t60\tIN\tA\t192.0.2.1' ]
	[ -z "$stderr" ]
	SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca.pem run --separate-stderr dnsq -@ "tls:$tls/127.0.0.1" -s www.example
	[ "$output" = 192.0.2.1 ]
	SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca.pem run --separate-stderr dnsq -T 10 -a 1 -@ "tls:$tls/other.example" www.example
	[ "$status" -eq 1 ]
	[ "$output" = '; www.example. A UNREACHABLE' ]
	[ "$stderr" = "dnsq: tls:$tls: certificate verify failed: hostname mismatch, certificate is not valid for 'other.example'" ]
	run --separate-stderr dnsq -T 10 -a 1 -@ "tls:$tls/dns.example" www.example
	[ "$status" -eq 1 ]
	[ "$stderr" = "dnsq: tls:$tls: certificate verify failed: unable to get local issuer certificate" ]
	# nobody was asked but those that were believed
	[ "$(sed 1,2d mock.out | sort | uniq -c | xargs)" = '2 tls www.example. A edns padded' ]
}

@test "the example of the manual page" {
	serve
	command=$(sed -n 's/^\$ \(.*tls:.*\)/\1/p' "$top/man/dnsq.1")
	want=$(sed -n '/^\$ .*tls:/{n;p;}' "$top/man/dnsq.1")
	[ -n "$want" ]
	# the certificate has another name
	command=${command/127.0.0.1#8530/$tls}
	command=${command/dns.example.test/dns.example}
	run --separate-stderr env SSL_CERT_FILE="$BATS_FILE_TMPDIR/ca.pem" bash -c "$command"
	[ "$status" -eq 0 ]
	[ "$output" = "$want" ]
}

@test "servers that speak no TLS: no question is sent in the clear" {
	cat >banner.lua <<-'LUA'
		local l = assert(net.listen '127.0.0.1:0')
		print(l:localaddr())
		for conn in l:each() do
		  conn:write 'welcome\r\n'
		  spawn(function() conn:read 'a' end)
		end
	LUA
	start banner corun banner.lua
	addr=$(wait_for banner.out 127)
	run --separate-stderr timeout 20 dnsq -T 10 -a 1 -k -@ "$addr" www.example
	[ "$status" -eq 1 ]
	[ "$output" = '; www.example. A UNREACHABLE' ]
	[ "$stderr" = "dnsq: tls:$addr: not a TLS peer" ]
	serve
	run --separate-stderr timeout 20 dnsq -T 100ms -a 2 -k -@ "$plain" www.example
	[ "$status" -eq 1 ]
	[ "$output" = '; www.example. A TIMEOUT' ]
	[ "$(wc -l <mock.out)" -eq 2 ]
}

@test "one server by TLS, one without: each as it was named" {
	serve
	run --separate-stderr dnsq -@ "tls:$tls" -@ "$plain" -s {1..20}.example
	[ "$status" -eq 0 ]
	[ "$(wc -l <<<"$output")" -eq 20 ]
	grep -q '^tls .*padded' mock.out
	grep -q '^udp ' mock.out
	run grep -e '^tcp ' -e '^udp .*padded' mock.out
	[ "$status" -eq 1 ]
}

@test "addresses that are none" {
	for bad in "tls:" "tls:localhost" "tls:127.0.0.1/" "tls:127.0.0.1#x" "tls:127.0.0.1/$(printf 'x%.0s' {1..260})"; do
		run --separate-stderr dnsq -@ "$bad" www.example
		[ "$status" -eq 2 ]
		[[ $stderr == "dnsq: -@ $bad: "* ]]
	done
}

@test "NSD's own TLS" {
	cat >zone <<-'ZONE'
		$ORIGIN example.
		$TTL 60
		@ SOA ns admin 1 60 60 60 60
		@ NS ns
		ns A 127.0.0.1
		www A 192.0.2.7
		big TXT "one" "two"
	ZONE
	port=$(free_port)
	{
		printf 'server:\n ip-address: 127.0.0.1@%s\n tls-port: %s\n' "$port" "$port"
		printf ' tls-service-key: "%s"\n tls-service-pem: "%s"\n' "$BATS_FILE_TMPDIR/server.key" "$BATS_FILE_TMPDIR/server.pem"
		printf ' username: ""\n chroot: ""\n zonesdir: "/"\n database: ""\n cookie-secret-file: ""\n'
		printf ' pidfile: "%s/nsd.pid"\n xfrdfile: "%s/xfrd.state"\n zonelistfile: "%s/zone.list"\n xfrdir: "%s"\n' \
			"$PWD" "$PWD" "$PWD" "$PWD"
		printf 'remote-control:\n control-enable: no\nzone:\n name: "example"\n zonefile: "%s"\n' "$PWD/zone"
	} >nsd.conf
	start nsd nsd -d -c "$PWD/nsd.conf"
	until_true corun -e "assert(net.connect('127.0.0.1:$port'))"
	SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca.pem run --separate-stderr dnsq -o -@ "tls:127.0.0.1#$port/dns.example" www.example ns.example
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = $'www.example.\t60\tIN\tA\t192.0.2.7\nns.example.\t60\tIN\tA\t127.0.0.1' ]
}

@test "a script's resolver" {
	serve
	SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca.pem run --separate-stderr corun - "$tls" <<-'LUA'
		local r = dns.resolver { servers = { 'tls:' .. arg[1] .. '/dns.example' } }
		print(r:query('www.example', 'A')[1].address)
		print(pcall(dns.resolver, { servers = 'tls:nowhere' }))
	LUA
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 192.0.2.1 ]
	[[ ${lines[1]} == false*"bad server 'tls:nowhere'"* ]]
	grep -q '^tls www.example. A edns padded' mock.out
}
