#!/usr/bin/env bats
# The Lua module stat, and the examples of coop-stat(3).
load lib

@test "gauges, counts, times: what leaves, and when" {
	run --separate-stderr corun - <<'LUA'
local server = net.udp('127.0.0.1:0')
assert(stat.to(server:localaddr()))
stat.gauge('a.b', 3) stat.gauge('n', -2.5) stat.count('c') stat.count('c', 4) stat.timing('t', 0.25)
print((server:recvfrom(5)))
for i = 1, 100 do stat.gauge('a.name.that.is.not.short', i) end
local lines = 0
while lines < 100 do
  local data = assert(server:recvfrom(5))
  assert(#data <= 1432)
  for line in data:gmatch('[^\n]+') do lines = lines + 1 assert(line == 'a.name.that.is.not.short:' .. lines .. '|g') end
end
LUA
	[ "$status" -eq 0 ]
	[ "$output" = $'a.b:3|g\nn:0|g\nn:-2.5|g\nc:1|c\nc:4|c\nt:250|ms' ]
	[ -z "$stderr" ]
}

@test "without an address nothing is sent, and names are checked all the same" {
	run --separate-stderr corun - <<'LUA'
stat.gauge('a', 1)
for _, name in ipairs { '', 'a b', 'a:b', 'a|b', 'a\nb', 'é', ('x'):rep(201) } do
  local ok, why = pcall(stat.gauge, name, 1)
  assert(not ok and why:find('bad argument #1', 1, true), name)
end
for _, v in ipairs { 0/0, 1/0, -1/0, 1e300 } do
  local ok, why = pcall(stat.count, 'a', v)
  assert(not ok and why:find('number out of range', 1, true))
end
assert(not pcall(stat.gauge, 'a'))
assert(not pcall(stat.timing, 'a', 'x'))
stat.gauge(('x'):rep(200), 1e100)
assert(require 'stat' == stat)
LUA
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
}

@test "stat.to: bad addresses, unix sockets, off and on again" {
	run --separate-stderr corun - <<'LUA'
print(stat.to('nonsense'))
print(stat.to('127.0.0.1:99999'))
print(stat.to('unix:' .. ('x'):rep(200)))
local server, other = net.udp('127.0.0.1:0'), net.udp('127.0.0.1:0')
stat.to(server:localaddr())
stat.gauge('first', 1)
stat.to(other:localaddr())
stat.gauge('second', 1)
print((server:recvfrom(5)))
print((other:recvfrom(5)))
assert(not stat.to('bad:x'))
stat.gauge('third', 1)
print((other:recvfrom(5)))
stat.to(nil)
stat.gauge('fourth', 1)
print((other:recvfrom(0.1)))
LUA
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == nil$'\t'* ]]
	[[ ${lines[1]} == nil$'\t'* ]]
	[[ ${lines[2]} == nil$'\t'* ]]
	[ "$(printf '%s\n' "${lines[@]:3}")" = $'first:1|g\nsecond:1|g\nthird:1|g\nnil' ]
}

@test "what was sent just before the end arrives, also with os.exit" {
	run --separate-stderr gcwatch corun -e 'stat.gauge("last.words", 42)'
	[[ $stderr =~ $'\tlast.words\t1\t42\t' ]]
	run --separate-stderr gcwatch corun -e 'stat.gauge("last.words", 42) os.exit(3)'
	[ "$status" -eq 3 ]
	[[ $stderr =~ $'\tlast.words\t1\t42\t' ]]
}

@test "a locale with a comma changes nothing" {
	command -v localedef >/dev/null
	# one made here: the machine may have none
	printf 'comment_char %%\nescape_char /\nLC_NUMERIC\ndecimal_point "<U002C>"\nthousands_sep ""\ngrouping -1\nEND LC_NUMERIC\n' >comma
	mkdir loc
	localedef -c -f UTF-8 -i comma "$PWD/loc/comma.UTF-8" 2>/dev/null || true
	LOCPATH=$PWD/loc run --separate-stderr gcwatch corun -e \
		'assert(os.setlocale("comma.UTF-8", "numeric")) assert(("%.1f"):format(1.5) == "1,5") stat.gauge("x.y", 1234.5) stat.timing("x.t", 0.0005)'
	[ "$status" -eq 0 ]
	[[ $stderr =~ $'\tx.y\t1\t1234.5\t' ]]
	[[ $stderr =~ $'\tx.t\t1\t0.5\t' ]]
}

@test "manual page: how long work takes and how often it fails" {
	sed -n '/^How long each turn/,/^\.Ed/{/^local start/,/^if not ok/p}' "$top/man/coop-stat.3" >example.lua
	[ "$(wc -l <example.lua)" -eq 4 ]
	{ echo 'function work() sleep(0.05) error("no") end'; cat example.lua; } >script.lua
	run --separate-stderr gcwatch corun script.lua
	[ "$status" -eq 0 ]
	[[ $stderr =~ $'\twork.failed\t1\t' ]]
	[[ $stderr =~ $'\twork.time\t1\t'[56][0-9]\. ]]
}

@test "manual page: memory and coroutines once a second" {
	sed -n '/^The memory of Lua/,/^\.Ed/{/^spawn/,/^end)/p}' "$top/man/coop-stat.3" >example.lua
	{ cat example.lua; echo 'sleep(2.5) os.exit(0)'; } >script.lua
	run --separate-stderr gcwatch -i 60 -m foo. corun script.lua
	[ "$status" -eq 0 ]
	[[ $stderr =~ $'\tfoo.co\t3\t'[12]$'\t' ]]
	[[ $stderr =~ $'\tfoo.gc\t3\t'[0-9]{5} ]]
}
