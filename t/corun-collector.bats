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

@test "what was a burst is collected when nothing runs, unless the script wants Lua alone to choose the time" {
	run --separate-stderr corun -t - <<'LUA'
local function after_burst()
  local t = {}
  for i = 1, 100000 do t[i] = { i } end
  local most = collectgarbage('count')
  t = nil
  for i = 1, 50 do sleep(0.1) end
  return collectgarbage('count') / most
end
assert(coop.collect() == 'idle')
assert(after_burst() < 0.5)
assert(coop.collect('lua') == 'idle')
collectgarbage('setpause', 1000)
collectgarbage()
assert(after_burst() > 0.9)
assert(coop.collect('idle') == 'lua')
assert(not pcall(coop.collect, 'never'))
LUA
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
}

@test "while something is to be done and little is idle, collections are few" {
	run --separate-stderr corun - <<'LUA'
for i = 1, 50000 do spawn(sleep, 100) end
local cycles, mt = 0, {}
mt.__gc = function() cycles = cycles + 1 setmetatable({}, mt) end
setmetatable({}, mt)
sleep(0.5)
cycles = 0
local till = coop.now() + 1.5
while coop.now() < till do
  local t = {}
  for i = 1, 1000 do t[i] = { i } end
  sleep(0.001)
end
print(cycles)
os.exit(0)
LUA
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$output" -le 9 ]
}
