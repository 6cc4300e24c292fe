# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2034,SC2154
# TLS of scripts: among themselves, and with openssl's s_client and s_server.
load lib

# sign NAME DAYS SUBJECT-ALT-NAME: NAME.pem and NAME.key, signed by the CA
sign() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$2" -out "$1.pem" \
		-extfile <(echo "subjectAltName=$3") 2>/dev/null
}

# alone NAME SUBJECT-ALT-NAME: signed by itself
alone() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 2 \
		-subj "/CN=$1" -addext "subjectAltName=$2" 2>/dev/null
}

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	alone ca DNS:ca.example
	alone lone DNS:localhost
	sign server 2 DNS:localhost,IP:127.0.0.1
	sign other 2 DNS:other.example
	sign client 2 DNS:client.example
	# a day that is over before it began
	sign expired -1 DNS:localhost
}

# the same with both pollers
both() {
	local poller
	for poller in epoll poll; do
		COOP_POLLER=$poller LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 120 corun "$@"
		echo "$output$stderr"
		[ "$status" -eq 0 ]
		[[ $output =~ ^'all '[1-9][0-9]*' passed'$ ]]
		[ -z "$stderr" ]
	done
}

@test "our own ends" {
	both "$top/t/lua/tls.lua" "$BATS_FILE_TMPDIR"
}

@test "silent peers have their time, which is virtual here" {
	run --separate-stderr timeout 10 corun -t - "$BATS_FILE_TMPDIR" <<-'LUA'
		local l = assert(net.listen '127.0.0.1:0')
		local start = coop.now()
		print(net.connect('tls:' .. l:localaddr(), { verify = false, timeout = 3600 }))
		print(math.floor(coop.now() - start))
		for _, seconds in ipairs { 0, 5 } do
		  local s = assert(net.listen('tls:127.0.0.1:0', { cert = arg[1] .. '/server.pem', key = arg[1] .. '/server.key',
		    timeout = seconds > 0 and seconds or nil }))
		  local silent, conn = assert(net.connect(s:localaddr())), s:accept()
		  start = coop.now()
		  print(conn:read())
		  print(math.floor(coop.now() - start))
		end
	LUA
	[ "$status" -eq 0 ]
	[ "$output" = "nil	timeout
3600
nil	timeout in the TLS handshake
30
nil	timeout in the TLS handshake
5" ]
}

# serve OPTIONS: a server that answers in capitals; its port in $port, what went wrong in serve.err
serve() {
	cat >serve.lua <<-'LUA'
		local dir = arg[1]
		local l = assert(net.listen('tls:127.0.0.1:0', { cert = dir .. '/server.pem', key = dir .. '/server.key',
		  ca = arg[2], alpn = { 'loud', 'capitals' } }))
		print(l:localaddr():match ':(%d+)$')
		for conn in l:each() do
		  spawn(function()
		    while true do
		      local line, e = conn:read()
		      if e then io.stderr:write(e, '\n') end
		      if not line then break end
		      conn:write(line:upper(), '\n')
		    end
		    conn:close()
		  end)
		end
	LUA
	start serve corun serve.lua "$BATS_FILE_TMPDIR" "$@"
	port=$(wait_for serve.out '^[0-9]+$')
}

# s_client TEXT OPTION...: writes the text, ends when WORD (the last of the text, in capitals) has come back
s_client() {
	local text=$1
	shift
	rm -f s_client.out
	mkfifo in 2>/dev/null || true
	timeout 20 openssl s_client -connect "127.0.0.1:$port" -CAfile "$BATS_FILE_TMPDIR/ca.pem" "$@" <in >s_client.out 2>&1 3>&- &
	exec 7>in
	printf '%s\n' "$text" >&7
	until_true grep -qE "^$(tail -n 1 <<<"$text" | tr a-z A-Z)|alert" s_client.out
	exec 7>&-
	wait $! || true
}

@test "a client of openssl's: verified, protocol chosen, keys renewed on the way" {
	serve
	s_client $'hello\nK\nworld\nk\nagain' -verify_return_error -verify_hostname localhost -alpn capitals,loud
	grep -qx 'HELLO' s_client.out
	grep -qx 'WORLD' s_client.out
	grep -qx 'AGAIN' s_client.out
	grep -q 'Verified peername: localhost' s_client.out
	grep -q 'ALPN protocol: loud' s_client.out
	grep -q 'New, TLSv1.3' s_client.out
	[ ! -s serve.err ]
}

@test "sessions are resumed, of both versions" {
	serve
	for version in tls1_2 tls1_3; do
		s_client hello "-$version" -sess_out "session.$version"
		grep -q 'New, TLS' s_client.out
		s_client again "-$version" -sess_in "session.$version"
		grep -q 'Reused, TLS' s_client.out
	done
	[ ! -s serve.err ]
}

@test "clients with which there is nothing in common" {
	serve
	s_client hello -tls1_1 -cipher DEFAULT@SECLEVEL=0
	grep -q 'alert protocol version' s_client.out
	wait_for serve.err '^TLS: the peer speaks no version that is new enough$'
	s_client hello -tls1_2 -cipher RSA
	grep -q 'alert handshake failure' s_client.out
	wait_for serve.err '^TLS: no shared cipher$'
	s_client hello -alpn quiet
	grep -q 'alert no application protocol' s_client.out
	wait_for serve.err '^TLS: no application protocol$'
	s_client hello
	grep -qx HELLO s_client.out
}

@test "a client's certificate, asked for" {
	serve "$BATS_FILE_TMPDIR/ca.pem"
	s_client hello -cert "$BATS_FILE_TMPDIR/client.pem" -key "$BATS_FILE_TMPDIR/client.key"
	grep -qx HELLO s_client.out
	s_client hello
	grep -q 'alert certificate required' s_client.out
	wait_for serve.err '^certificate verify failed: the client sent none$'
}

# s_server NAME OPTION...: openssl's server, which sends each line back the other way round; its address in $addr
s_server() {
	local name=$1
	shift
	start s_server openssl s_server -accept 127.0.0.1:0 -rev -cert "$BATS_FILE_TMPDIR/$name.pem" \
		-key "$BATS_FILE_TMPDIR/$name.key" "$@"
	addr=$(wait_for s_server.out '^ACCEPT ')
	addr=${addr#ACCEPT }
}

@test "a server of openssl's" {
	s_server server -alpn one,two
	run --separate-stderr timeout 20 corun - "$addr" "$BATS_FILE_TMPDIR/ca.pem" <<-'LUA'
		local options = { ca = arg[2], alpn = { 'two' }, timeout = 10 }
		for i = 1, 3 do
		  local c <close> = assert(net.connect('tls:' .. arg[1], options))
		  print(c:tls().alpn, c:write('line ', i, '\n'):read())
		end
		options.name = 'example.org'
		print(net.connect('tls:' .. arg[1], options))
		print(net.connect('tls:' .. arg[1]))
	LUA
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$output" = "two	1 enil
two	2 enil
two	3 enil
nil	certificate verify failed: hostname mismatch, certificate is not valid for 'example.org'
nil	certificate verify failed: unable to get local issuer certificate" ]
}

@test "a server of openssl's that is killed: no end came" {
	s_server server
	run --separate-stderr timeout 20 corun - "$addr" "$pid" "$BATS_FILE_TMPDIR/ca.pem" <<-'LUA'
		local c <close> = assert(net.connect('tls:' .. arg[1], { ca = arg[3], timeout = 10 }))
		print(c:write 'abc\n':read())
		coop.run { 'kill', '-9', arg[2] }:wait()
		print(c:read())
	LUA
	[ "$status" -eq 0 ]
	[ "$output" = $'cba\nnil\tcut off by the peer: no end of TLS came before the end of the connection' ]
	ended "$pid" || true
}

@test "the system's store is what is trusted" {
	s_server server
	echo 'print(net.connect("tls:" .. arg[1], 10) and "trusted")' >connect.lua
	run --separate-stderr timeout 20 env SSL_CERT_FILE="$BATS_FILE_TMPDIR/ca.pem" corun connect.lua "$addr"
	[ "$output" = trusted ]
	run --separate-stderr timeout 20 env SSL_CERT_FILE="$BATS_FILE_TMPDIR/lone.pem" corun connect.lua "$addr"
	[ "$output" = nil ]
}

@test "STARTTLS of SMTP, as openssl's client speaks it" {
	cat >smtp.lua <<-'LUA'
		local dir = arg[1]
		local l = assert(net.listen '127.0.0.1:0')
		print(l:localaddr():match ':(%d+)$')
		for conn in l:each() do
		  spawn(function()
		    conn:write '220 mail.example ESMTP\r\n'
		    for line in conn:lines() do
		      if line:find '^EHLO' then
		        conn:write('250-mail.example\r\n250 STARTTLS\r\n')
		      elseif line:find '^STARTTLS' then
		        conn:write '220 go on\r\n'
		        assert(conn:starttls { server = true, cert = dir .. '/server.pem', key = dir .. '/server.key' })
		      else
		        conn:write('250 ', line:upper(), '\n')
		      end
		    end
		  end)
		end
	LUA
	start smtp corun smtp.lua "$BATS_FILE_TMPDIR"
	port=$(wait_for smtp.out '^[0-9]+$')
	(echo noop; until_true grep -q '250 NOOP' s_client.out) |
		timeout 20 openssl s_client -starttls smtp -connect "127.0.0.1:$port" -CAfile "$BATS_FILE_TMPDIR/ca.pem" \
			-verify_return_error -verify_hostname localhost >s_client.out 2>&1
	grep -q '^250 NOOP' s_client.out
	[ ! -s smtp.err ]
}

@test "coop-net: a page by TLS" {
	example coop-net.3 4 >fetch.lua
	cat >server.lua <<-'LUA'
		local l = assert(net.listen('tls:127.0.0.1:0', { cert = arg[1] .. '/server.pem', key = arg[1] .. '/server.key' }))
		print(l:localaddr():match ':(%d+)$')
		for conn in l:each() do
		  local request = conn:read()
		  if request and conn:read() == 'Host: www.example.com\r' then
		    conn:write('HTTP/1.0 200 OK\r\n\r\nasked: ', request, '\n')
		  end
		  conn:close()
		end
	LUA
	start server corun server.lua "$BATS_FILE_TMPDIR"
	sed -i "s/tls:www.example.com:443/tls:localhost:$(wait_for server.out '^[0-9]+$')/" fetch.lua
	run --separate-stderr timeout 10 env SSL_CERT_FILE="$BATS_FILE_TMPDIR/ca.pem" corun fetch.lua
	[ "$status" -eq 0 ]
	[[ $output == $'TLSv1.3\tCN=server\n'*"asked: GET / HTTP/1.0"* ]]
}

@test "coop-net: lines given back by TLS" {
	port=$(free_port)
	example coop-net.3 5 | sed "s/8443/$port/" >server.lua
	cp "$BATS_FILE_TMPDIR"/server.* .
	start server corun server.lua
	until_true corun -e "assert(net.connect('127.0.0.1:$port'))"
	run --separate-stderr timeout 10 corun -e "
		local c = assert(net.connect('tls:localhost:$port', { ca = '$BATS_FILE_TMPDIR/ca.pem' }))
		print(c:write('there and back\n'):read())"
	[ "$output" = "there and back" ]
}

@test "coop-net: a mail server's certificate" {
	port=$(free_port)
	example coop-net.3 6 | sed "s/:25/:$port/" >ask.lua
	cat >smtp.lua <<-'LUA'
		local dir = arg[2]
		for conn in net.listen(arg[1]):each() do
		  spawn(function()
		    conn:write '220 mail\r\n'
		    for line in conn:lines() do
		      if line == 'STARTTLS\r' then break end
		      conn:write '250-mail\r\n250 STARTTLS\r\n'
		    end
		    conn:write '220 go on\r\n'
		    conn:starttls { server = true, cert = dir .. '/server.pem', key = dir .. '/server.key' }
		    conn:read()
		    conn:close()
		  end)
		end
	LUA
	start smtp corun smtp.lua "127.0.0.1:$port" "$BATS_FILE_TMPDIR"
	until_true corun -e "assert(net.connect('127.0.0.1:$port'))"
	run --separate-stderr timeout 10 env SSL_CERT_FILE="$BATS_FILE_TMPDIR/ca.pem" corun ask.lua localhost
	[ "$status" -eq 0 ]
	[ "$output" = true ]
	run --separate-stderr timeout 10 corun ask.lua localhost
	[ "$status" -eq 0 ]
	[ "$output" = $'nil\tcertificate verify failed: unable to get local issuer certificate' ]
}
