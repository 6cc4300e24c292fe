#!/usr/bin/env bats
# Modules that wait while they are loaded.
# shellcheck disable=SC2154 # bats sets variables
load lib

@test "require: as Lua has it, but who loads may wait, and others meanwhile for him" {
	LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 30 corun -t "$top/t/lua/require.lua" "$PWD"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = "all 6 passed" ]
	[ -z "$stderr" ]
}

@test "-l loads a module that waits" {
	echo 'sleep(3600) return { x = 42 }' >late.lua
	LUA_PATH='./?.lua' run --separate-stderr timeout 10 corun -t -l late -e 'print(late.x)'
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = 42 ]
}

@test "two modules that wait for each other are a deadlock, and it is told where" {
	echo 'sleep(1) return require "b"' >a.lua
	echo 'sleep(1) return require "a"' >b.lua
	LUA_PATH='./?.lua' run --separate-stderr timeout 10 corun -t -e 'spawn(require, "a") require "b"'
	echo "$output$stderr"
	[ "$status" -eq 1 ]
	[ "$(head -n 1 <<<"$stderr")" = "corun: deadlock: 2 coroutines wait for what can never come" ]
	[ "$(grep -c 'require, for 0.0 s' <<<"$stderr")" -eq 2 ]
}
