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
