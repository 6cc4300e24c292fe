#!/usr/bin/env bats
# The garbage collector, as scripts see it.
load lib

@test "a script that changes the collector's mode does not keep the idle program busy" {
	run --separate-stderr corun - <<'LUA'
assert(collectgarbage('generational') == 'incremental')
local keep = {}
for i = 1, 100000 do keep[i] = {} end
local before = os.clock()
for i = 1, 10 do
  local t = {}
  for k = 1, 1000 do t[k] = {} end
  sleep(0.1)
end
local used = os.clock() - before
assert(used < 0.4, used)
assert(collectgarbage('incremental') == 'generational')
assert(collectgarbage('count') > 1000)
assert(not pcall(collectgarbage, 'nonsense'))
assert(collectgarbage() == 0)
LUA
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
}
