# What the world can do to a script: peers, descriptors, pipes that close.

# shellcheck disable=SC2154 # bats sets variables
load lib

@test "peers that send too much, too little, nothing, or do not read" {
	local poller
	for poller in epoll poll; do
		COOP_POLLER=$poller LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 100 corun "$top/t/lua/faults.lua"
		echo "$poller: $output$stderr"
		[ "$status" -eq 0 ]
		[ "$output" = "all 6 passed" ]
		[ -z "$stderr" ]
	done
}
