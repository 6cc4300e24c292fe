#!/usr/bin/env bats
# Connections and listeners of scripts.

load lib

# both ARG...: a script of tests, with either poller
both() {
	local poller
	for poller in epoll poll; do
		mkdir "$poller"
		COOP_POLLER=$poller LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 60 corun "$1" "$poller"
		echo "$poller: $output$stderr"
		[ "$status" -eq 0 ]
		[[ $output =~ ^'all '[1-9][0-9]*' passed'$ ]]
		[ -z "$stderr" ]
	done
}

@test "addresses, reading, writing, listening" {
	both "$top/t/lua/connections.lua"
}

@test "names are looked up, both families, in the time that is given" {
	export COOP_RESOLV_CONF=$PWD/conf LUA_PATH="$top/t/lua/?.lua;;"
	run --separate-stderr timeout 60 corun "$top/t/lua/connect-names.lua"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = "all 4 passed" ]
	[ -z "$stderr" ]
}

# A listener with so short a queue that it is full: who connects to it hears nothing. Addresses: HOST, with a port of its own.
black_hole() {
	cat >hole.pl <<-'PERL'
		use Socket qw(:DEFAULT SOCK_NONBLOCK);
		socket(my $l, PF_INET, SOCK_STREAM, 0) or die;
		bind($l, pack_sockaddr_in(0, inet_aton($ARGV[0]))) or die;
		listen($l, 0) or die;
		my ($port) = unpack_sockaddr_in(getsockname($l));
		my @full;
		for (1..3) {
			socket(my $s, PF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) or die;
			connect($s, pack_sockaddr_in($port, inet_aton($ARGV[0])));
			push @full, $s;
		}
		$| = 1;
		print "$port\n";
		sleep 60;
	PERL
	start hole perl hole.pl "$1"
	hole=$(wait_for hole.out '^[0-9]+$')
}

@test "an address that does not answer holds up the next by a quarter of a second" {
	black_hole 127.0.0.2
	export COOP_RESOLV_CONF=$PWD/conf LUA_PATH="$top/t/lua/?.lua;;"
	run --separate-stderr timeout 30 corun -t "$top/t/lua/connect-slow.lua" "$hole"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = "all 4 passed" ]
	[ -z "$stderr" ]
}

@test "a server without a descriptor left goes on when there is one again" {
	cat >server.lua <<-'LUA'
		local l = net.listen('127.0.0.1:0')
		print(l:localaddr())
		for conn in l:each() do
		  spawn(function()
		    conn:write(conn:read(), '\n')
		    conn:close()
		  end)
		end
	LUA
	cat >client.lua <<-'LUA'
		local conns = {}
		for i = 1, 40 do conns[i] = assert(net.connect(arg[1])) end
		-- the first ones were accepted; then the server has no descriptor, and the others wait in its queue
		for i = 1, 40 do spawn(function() conns[i]:write(i, '\n') assert(conns[i]:read() == tostring(i)) conns[i]:close() end) end
	LUA
	(
		ulimit -n 20
		exec corun server.lua
	) >server.out 2>server.err 3>&- &
	pids+=($!)
	addr=$(wait_for server.out '^127')
	run -0 --separate-stderr timeout 20 corun client.lua "$addr"
	[ -z "$stderr" ]
	[ ! -s server.err ]
}
