load lib

# a small house in which nothing is wrong
setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	pids=()
	mkdir -p lib/{base,loop,net,dns,stat,sip,lua} cmd/corun cmd/dnsq t/unit t/fuzz
	header base/buf 'int buf_init(void);'
	room base/buf
	header loop/task 'int task_init(void);'
	room loop/task '#include "base/buf.h"'
	header net/udp 'int udp_init(void);'
	room net/udp '#include "loop/task.h"'
	header lua/runtime '#include <lua.h>'
	room lua/runtime '#include "net/udp.h"'
	header ../cmd/cli 'int cli_next(void);'
	printf '#include "cli.h"\n#include "lua/runtime.h"\n' >cmd/corun/main.c
	printf '#include "cli.h"\n#include "net/udp.h"\n' >cmd/dnsq/main.c
}

# header PART/NAME LINE...
header() {
	local guard=${1//[^a-z]/_}_h
	printf '%s\n' "#ifndef $guard" "#define $guard" "${@:2}" "#endif" >"lib/$1.h"
}

# room PART/NAME LINE...: its own header, then the lines
room() {
	printf '%s\n' "#include \"$1.h\"" "${@:2}" >"lib/$1.c"
}

floors() {
	run --separate-stderr "$top/scripts/floors" .
}

# refuses LINE: the only complaint
refuses() {
	floors
	[ "$output" = "$1" ] || { echo "got: $output"; return 1; }
	[ "$status" -eq 1 ]
}

@test "a house as planned has nothing to say" {
	floors
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ -z "$stderr" ]
}

@test "a part may not include one above it" {
	room base/buf '#include "loop/task.h"'
	refuses 'lib/base/buf.c: base may not use loop/task.h'
	room base/buf
	header loop/task '#  include "net/udp.h"'
	refuses 'lib/loop/task.h: loop may not use net/udp.h'
}

@test "a part may not include one beside it, unless the plan says so" {
	header dns/name 'int name_init(void);'
	header stat/series 'int series_init(void);'
	room dns/name '#include "stat/series.h"'
	refuses 'lib/dns/name.c: dns may not use stat/series.h'
	room dns/name
	header sip/via '#include "dns/name.h"' '#include "stat/series.h"'
	floors
	[ "$status" -eq 0 ]
}

@test "a folder that is not in the plan" {
	mkdir lib/misc
	header misc/all 'int all;'
	refuses 'lib/misc/all.h: the plan has no floor misc'
}

@test "a program may not include another's header" {
	echo 'int dnsq;' >cmd/dnsq/dnsq.h
	echo '#include "dnsq.h"' >>cmd/corun/main.c
	refuses 'cmd/corun/main.c: dnsq.h is another program'"'"'s'
	sed -i '$d' cmd/corun/main.c
	echo '#include "../dnsq/dnsq.h"' >>cmd/corun/main.c
	refuses 'cmd/corun/main.c: no ../dnsq/dnsq.h in lib/'
}

@test "a .c includes its own header first" {
	printf '#include <stdio.h>\n#include "net/udp.h"\n' >lib/net/udp.c
	refuses 'lib/net/udp.c: includes stdio.h before its own net/udp.h'
}

@test "a .c without a header of its own shares one of its part" {
	printf '#include <errno.h>\n#include "loop/task.h"\n' >lib/loop/epoll.c
	floors
	[ "$status" -eq 0 ]
	printf '#include <errno.h>\n#include "base/buf.h"\n' >lib/loop/epoll.c
	refuses 'lib/loop/epoll.c: has no header, nor one of loop that it shares'
}

@test "a header that does not compile alone" {
	header net/udp 'size_t udp_size(void);'
	floors
	[ "$status" -eq 1 ]
	[ "$output" = 'lib/net/udp.h: does not compile alone' ]
	[[ $stderr == *size_t* ]]
}

@test "two rooms of one name" {
	header net/task 'int net_task;'
	room net/task
	refuses $'task.c: two files of that name in lib/\ntask.h: two files of that name in lib/'
}

@test "Lua where it has no place" {
	echo '#include <lauxlib.h>' >>cmd/dnsq/main.c
	refuses 'cmd/dnsq/main.c: Lua has no place here'
	sed -i 's/<lauxlib.h>/"lua\/runtime.h"/' cmd/dnsq/main.c
	refuses 'cmd/dnsq/main.c: Lua has no place here'
}

@test "a file of more than 700 lines" {
	yes '' | head -n 700 >>lib/net/udp.c
	refuses 'lib/net/udp.c: 702 lines: is it one room?'
}

@test "a pragma; a string function without a bound" {
	room net/udp '#include "loop/task.h"' '#pragma GCC diagnostic ignored "-Wall"'
	refuses 'lib/net/udp.c:3:#pragma GCC diagnostic ignored "-Wall": a pragma'
	room net/udp '#include "loop/task.h"' 'int f(char *s) { return sprintf(s, "x"); }'
	refuses 'lib/net/udp.c:3:int f(char *s) { return sprintf(s, "x"); }: no bound'
	room net/udp '#include "loop/task.h"' 'int f(char *s) { return snprintf(s, 2, "x"); }'
	floors
	[ "$status" -eq 0 ]
}
