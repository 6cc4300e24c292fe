# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# Sockets of scripts, and the code of the project's seed.
load lib

passes() {
	LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 60 corun "$@"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[[ $output =~ ^'all '[1-9][0-9]*' passed'$ ]]
	[ -z "$stderr" ]
}

# the same with both pollers
both() {
	COOP_POLLER=epoll passes "$@"
	COOP_POLLER=poll passes "$@"
}

@test "the seed: a query that yields until it is scheduled, a loop of statistics" {
	both "$top/t/lua/seed.lua"
}

@test "datagrams" {
	both "$top/t/lua/udp.lua"
}
