#!/usr/bin/env bats
# What scripts can do with coroutines: each file of t/lua is a row of tests of its own.
load lib

passes() {
	LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr corun "$@"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[[ $output =~ ^'all '[1-9][0-9]*' passed'$ ]]
	[ -z "$stderr" ]
}

@test "spawn, sleep, timeout, schedule, yield, join, cancel" {
	passes -t "$top/t/lua/coroutines.lua"
}
