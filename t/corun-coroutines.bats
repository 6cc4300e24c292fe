# shellcheck shell=bash disable=SC2034,SC2154
# What scripts can do with coroutines: each file of t/lua is a row of tests of its own.
load lib

passes() {
	LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 60 corun "$@"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[[ $output =~ ^'all '[1-9][0-9]*' passed'$ ]]
	[ -z "$stderr" ]
}

@test "spawn, sleep, timeout, schedule, yield, join, cancel" {
	passes -t "$top/t/lua/coroutines.lua"
}

@test "generators: yields to the resumer, waits inside of them" {
	passes -t "$top/t/lua/generators.lua"
}

@test "threads are used again, handles never" {
	passes -t "$top/t/lua/handles.lua"
	passes -t -G gen "$top/t/lua/handles.lua"
}

@test "groups, channels, semaphores" {
	passes -t "$top/t/lua/sync.lua"
}

@test "what a cancelled coroutine was woken for goes to the next" {
	local poller
	for poller in epoll poll; do
		COOP_POLLER=$poller run --separate-stderr timeout 30 corun "$top/t/lua/cancelled.lua"
		[ "$output$stderr" = ok ]
	done
}

@test "after a burst handles are what they were, and memory is given back" {
	local mode
	for mode in inc gen; do
		run -0 --separate-stderr corun -t -G "$mode" "$top/t/lua/burst.lua"
		[ "$output" = "all in order" ]
		[ -z "$stderr" ]
	done
}

@test "random acts: nobody gets what was another's" {
	local seed
	for seed in 1 2 3; do
		run -0 --separate-stderr corun -t "$top/t/lua/monkey.lua" "$seed"
		[ "$output" = "all in order" ]
		[ -z "$stderr" ]
	done
	COOP_POLLER=poll run -0 corun -t -G gen "$top/t/lua/monkey.lua" 4
}
