load lib

# a test file of its own, run by another bats; it says TEST, for bats would take the other word for a test of this file
inner() {
	mkdir -p inner
	cp "$top/t/lib.bash" inner/
	{
		echo 'load lib'
		sed 's/^TEST /@test /'
	} >inner/inner.bats
	run --separate-stderr env -u BATS_TEST_TMPDIR COOP_PATIENCE=0.5 COOP_BUILD="$build" bats --tap inner/inner.bats
}

@test "a test that leaves a process behind fails, and the process is ended" {
	inner <<-'END'
		TEST "leaves" {
			setsid sleep 61.125 3>&- &
			echo "$!" >"$BATS_TEST_DIRNAME/pid"
		}
	END
	[ "$status" -eq 1 ]
	[[ $output == *"not ok 1 leaves"* ]]
	[[ $output == *"still running after the test:"*"sleep 61.125"* ]]
	until_true test ! -d "/proc/$(cat inner/pid)"
}

@test "what a test started is ended by its teardown, children of it too" {
	inner <<-'END'
		TEST "tidy" {
			start outer bash -c 'trap "kill %1; exit" TERM; sleep 62.125 & echo up; wait'
			wait_for outer.out up
			echo "$pid" >"$BATS_TEST_DIRNAME/pid"
		}
	END
	[ "$status" -eq 0 ]
	[ ! -d "/proc/$(cat inner/pid)" ]
}

@test "start keeps stdout and stderr apart; stop gives the exit status" {
	start both bash -c 'trap "exit 7" TERM; echo data; echo talk >&2; while :; do sleep 0.01; done'
	wait_for both.out '^data$'
	wait_for both.err '^talk$'
	stop "$pid"
	[ "$status" -eq 7 ]
	[ "$(cat both.out)" = data ]
	start brief bash -c 'exit 3'
	ended "$pid"
	[ "$status" -eq 3 ]
}

@test "wait_for gives up on a line that never comes, and shows what there was" {
	echo other >file
	patience=0.2
	run wait_for file '^never$'
	[ "$status" -eq 1 ]
	[[ $output == *"no line of file matches ^never$"*other* ]]
}

@test "free_port gives ports of which each can be bound" {
	local port
	for port in $(free_port) $(free_port) $(free_port); do
		[ "$port" -gt 1024 ]
		run --separate-stderr corun - "$port" <<<'local l = assert(net.listen("127.0.0.1:" .. arg[1])) print(l:localaddr())'
		[ "$status" -eq 0 ]
		[ "$output" = "127.0.0.1:$port" ]
	done
}

@test "start_nsd answers for its zone" {
	start_nsd example.test "$top/t/data/example.zone"
	run --separate-stderr dnsq -s -@ "127.0.0.1#$nsd_port" -t SOA example.test
	[ "$status" -eq 0 ]
	[ -n "$output" ]
}
