# What corun takes of the system's memory, and gives back.

# shellcheck disable=SC2154 # bats sets variables
load lib

# what the sanitizers hold on to is none of ours
setup_file() {
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0:thread_local_quarantine_size_kb=0:allocator_release_to_os_interval_ms=0"
}

@test "a million coroutines, one after the other, leave no trace in either mode of the collector" {
	local mode
	for mode in inc gen; do
		run -0 --separate-stderr timeout 120 corun -G "$mode" "$top/t/lua/growth.lua"
		[ -z "$stderr" ]
		echo "$mode: $output KiB"
		# the least that malloc could lose with each would be 28,000
		[ "$output" -lt 4096 ]
	done
}

@test "memory of a burst goes back to the system within seconds in either mode of the collector" {
	local mode burst left
	for mode in inc gen; do
		run -0 --separate-stderr timeout 60 corun -G "$mode" "$top/t/lua/release.lua" "$patience"
		[ -z "$stderr" ]
		read -r burst left <<<"$output"
		echo "$mode: $burst KiB, then $left"
		[ "$burst" -gt 20000 ]
		[ "$left" -lt $((burst / 5)) ]
	done
}
