# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
# The Makefile, in a house of one room and one program: what is built again, and when.

load lib

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	pids=()
	cp "$top/Makefile" .
	mkdir -p lib/base cmd/hello
	printf '#ifndef one_h\n#define one_h\nint one(void);\n#define ONE 1\n#endif\n' >lib/base/one.h
	printf '#include "base/one.h"\nint\none(void)\n{\n\treturn ONE;\n}\n' >lib/base/one.c
	printf '#include "base/one.h"\n#include <stdio.h>\nint\nmain(void)\n{\n\tprintf("%%d\\n", one());\n}\n' >cmd/hello/main.c
	# what was built before is older than what is changed now
	touch -d '1 hour ago' Makefile lib/base/* cmd/hello/*
	build
}

build() {
	run --separate-stderr make --no-print-directory "$@"
	[ "$status" -eq 0 ] || { echo "$output$stderr"; return 1; }
}

compiled() {
	grep -oE -- '-c -o [^ ]+' <<<"$output" | sed 's/.* //' | sort | xargs
}

@test "all of it the first time, nothing the second" {
	[ "$(compiled)" = "build/cmd/hello/main.o build/lib/base/one.o" ]
	[ "$(build/hello)" = 1 ]
	build
	[ -z "$(compiled)" ]
	[ -z "$output" ]
}

@test "what includes a header that has changed; nothing fails for a header that went away" {
	sed -i 's/ONE 1/ONE 2/' lib/base/one.h
	build
	[ "$(compiled)" = "build/cmd/hello/main.o build/lib/base/one.o" ]
	[ "$(build/hello)" = 2 ]
	mv lib/base/one.h lib/base/two.h
	sed -i 's/one\.h/two.h/' lib/base/one.c cmd/hello/main.c
	build
	[ "$(build/hello)" = 2 ]
}

@test "only the source that has changed" {
	sed -i 's/%d/%d!/' cmd/hello/main.c
	build
	[ "$(compiled)" = build/cmd/hello/main.o ]
	[ "$(build/hello)" = '1!' ]
}

@test "everything, when the flags are others" {
	build CFLAGS=-O1
	[ "$(compiled)" = "build/cmd/hello/main.o build/lib/base/one.o" ]
	build CFLAGS=-O1
	[ -z "$(compiled)" ]
}

@test "a flavour has a directory of its own, beside the others" {
	build SAN=1
	[ "$(compiled)" = "build/san/cmd/hello/main.o build/san/lib/base/one.o" ]
	[[ $(nm build/san/hello) == *__asan_init* ]]
	build POLLER=poll
	[ "$(compiled)" = "build/poll/cmd/hello/main.o build/poll/lib/base/one.o" ]
	build SAN=1 POLLER=poll
	[ "$(compiled)" = "build/san/poll/cmd/hello/main.o build/san/poll/lib/base/one.o" ]
	build
	[ -z "$(compiled)" ]
}

@test "a warning is an error" {
	echo 'int unused(void) { int x; return 0; }' >>lib/base/one.c
	run make
	[ "$status" -eq 2 ]
	[[ $output == *unused* ]]
}

@test "clean leaves nothing that was built" {
	build clean
	[ ! -e build ]
}
