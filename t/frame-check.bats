load lib

# a tree of its own with the counter in it: unit tests are scripts, the rest of the checks are content
setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	pids=()
	mkdir -p scripts t/unit build/t
	cp "$top/scripts/check" scripts/
	for script in floors manuals lint; do unit "../../scripts/$script" 'exit 0'; done
	rm -f t/unit/{floors,manuals,lint}.c
	unit good 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
}

# unit NAME SCRIPT
unit() {
	touch "t/unit/$(basename "$1").c"
	printf '#!/bin/bash\n%s\n' "$2" >"build/t/$1"
	chmod +x "build/t/$1"
}

check() {
	run --separate-stderr env -u BATS_TEST_TMPDIR COOP_BUILD=build scripts/check "$@"
}

last() {
	[ "${lines[-1]}" = "$1" ] || { echo "$output"; return 1; }
}

@test "all is well: the sum is the last line, the exit status 0" {
	check
	last '5 passed, 0 failed'
	[ "$status" -eq 0 ]
}

@test "a test that fails is shown with what it said, and counted" {
	unit bad 'echo 1..2; echo "# x is 3"; echo "not ok 1 - x"; echo "ok 2 - y"; exit 1'
	check
	last '6 passed, 1 failed'
	[ "$status" -eq 1 ]
	[[ $output == *"bad: 1 passed, 1 FAILED"*"# x is 3"*"not ok 1 - x"*"failed: unit-bad"* ]]
}

@test "a test file that dies has failed, even after all its tests" {
	unit dies 'echo 1..1; echo "ok 1 - a"; kill -SEGV $$'
	check
	last '6 passed, 1 failed'
	unit dies 'echo 1..3; echo "ok 1 - a"; kill -ABRT $$'
	check
	last '6 passed, 1 failed'
	[[ $output == *"1 tests of 3 ran"* ]]
}

@test "no plan, an empty plan, a test too many, a bail-out, a skipped test: each has failed" {
	unit odd 'echo "ok 1 - a"'
	check
	last '6 passed, 1 failed'
	unit odd 'echo 1..0'
	check
	last '5 passed, 1 failed'
	unit odd 'echo 1..1; echo "ok 1 - a"; echo "ok 2 - b"'
	check
	last '7 passed, 1 failed'
	unit odd 'echo 1..1; echo "ok 1 - a"; echo "Bail out! no more"'
	check
	last '6 passed, 1 failed'
	unit odd 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b # skip no reason"'
	check
	last '6 passed, 1 failed'
	rm build/t/odd
	check
	last '5 passed, 1 failed'
}

@test "a test file that hangs is ended, and has failed" {
	unit hangs 'echo 1..1; echo "ok 1 - a"; exec sleep 60'
	COOP_LIMIT=1 check
	last '6 passed, 1 failed'
	[[ $output == *"not done after 1 s"* ]]
}

@test "a sanitizer's report fails the test file, whatever the process it came from did" {
	unit dirty 'echo 1..1; log=${ASAN_OPTIONS##*log_path=}; echo "leak of 8 bytes" >"$log.99"; echo "ok 1 - a"'
	check
	last '6 passed, 1 failed'
	[[ $output == *"leak of 8 bytes"* ]]
}

@test "what fails in real time runs once more, alone, and is named; what fails twice has failed" {
	printf '@test "a" {\n\techo x >>runs\n\t[ "$(wc -l <runs)" -gt "$(cat enough)" ]\n}\n@test "b" {\n\ttrue\n}\n' >t/slow.bats
	echo 1 >enough
	check t/slow.bats t/unit/good.c
	last '4 passed, 0 failed'
	[ "$status" -eq 0 ]
	[[ $output == *"slow: 1 passed, 1 FAILED"*"not ok 1 a"*"once more, alone: slow"*"slow: 2 passed"* ]]
	echo 9 >enough
	check t/slow.bats t/unit/good.c
	last '3 passed, 1 failed'
	[ "$status" -eq 1 ]
	[[ $output == *"failed: slow"* ]]
}

@test "a unit test that fails, a sanitizer's report, four files at once: nothing of it is tried again" {
	unit bad 'echo 1..1; echo "not ok 1 - a"; exit 1'
	check
	last '5 passed, 1 failed'
	[[ $output != *"once more"* ]]
	printf '@test "a" {\n\techo leak >"${ASAN_OPTIONS##*log_path=}.99"\n}\n' >t/dirty.bats
	check t/dirty.bats
	last '1 passed, 1 failed'
	[[ $output == *leak* && $output != *"once more"* ]]
	for n in 1 2 3 4; do printf '@test "a" {\n\tfalse\n}\n' >t/false$n.bats; done
	check t/false?.bats
	last '0 passed, 4 failed'
	[[ $output != *"once more"* ]]
}

@test "valgrind's findings fail a unit test; its failures, and system calls that valgrind does not know, do not" {
	compile() {
		printf '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { %s }\n' "$1" >good.c
		cc -g -o build/t/good good.c
	}
	compile 'puts("1..1"); puts("not ok 1 - digits"); return 1;'
	check -m
	last '1 passed, 0 failed'
	[ "$status" -eq 0 ]
	compile 'char *volatile p = malloc(8); int bad = p[1] != 0; p = NULL; puts(bad ? "1..1" : "1..2"); return 0;'
	check -m
	[ "$status" -eq 1 ]
	[[ $output == *"uninitialised"* ]]
	compile 'static char *volatile p; p = malloc(8); p = NULL; puts("1..1"); puts("ok 1 - a"); return 0;'
	check -m
	[ "$status" -eq 1 ]
	[[ $output == *"definitely lost"* ]]
	compile 'extern long syscall(long, ...); syscall(9999); puts("1..1"); puts("ok 1 - a"); return 0;'
	check -m
	last '1 passed, 0 failed'
	compile 'abort();'
	check -m
	[ "$status" -eq 1 ]
}

@test "a check that speaks no TAP counts as one test" {
	unit ../../scripts/floors 'echo "a.c: bad"; exit 1'
	rm t/unit/floors.c
	check
	last '4 passed, 1 failed'
	[[ $output == *"a.c: bad"* ]]
}

@test "only what is named runs" {
	unit other 'exit 1'
	check t/unit/good.c
	last '2 passed, 0 failed'
	[ "$status" -eq 0 ]
}

@test "nothing to run is no success" {
	rm -r t/unit scripts/floors scripts/manuals scripts/lint
	check
	[ "$status" -eq 1 ]
}
