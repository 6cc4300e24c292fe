-- Threads are used again; a handle of a coroutine that has ended must never reach the one that uses its thread now.
local expect = require 'expect'
local eq, test, raises = expect.eq, expect.test, expect.raises
expect.virtual = true

test('a stale handle reaches nobody', function()
  local old = {}
  for i = 1, 200 do old[i] = spawn(function() return 'result ' .. i end) end
  sleep(1)
  local woken = 0
  local new = {}
  for i = 1, 200 do new[i] = spawn(function() coroutine.yield() woken = woken + 1 end) end
  coop.yield()
  for i = 1, 200 do
    raises('has ended', schedule, old[i], 'stale')
    eq('dead', false)(coroutine.status(old[i]), coroutine.isyieldable(old[i]))
    eq(true, 'result ' .. i)(coop.join(old[i]))
    eq(false)(coop.cancel(old[i]))
    assert(debug.traceback(old[i]):find('has ended', 1, true))
  end
  coop.yield()
  eq(0)(woken)
  for i = 1, 200 do eq(true)(schedule(new[i])) end
  coop.yield()
  eq(200)(woken)
end)

test('the functions of debug take handles', function()
  local co = spawn(function()
    local mine = 'mine'
    coroutine.wrap(function() sleep(1) end)()
    return mine
  end)
  coop.yield()
  -- it waits in the generator
  eq('sleep')(debug.getinfo(co, 0, 'n').name)
  eq('Lua')(debug.getinfo(co, 1, 'S').what)
  eq(nil)(debug.getinfo(co, 2))
  eq(nil)(debug.gethook(co))
  coop.join(co)
  raises('has ended', debug.getinfo, co, 0)
  co = spawn(function() local mine = 'mine' sleep(1) return mine end)
  coop.yield()
  eq('mine', 'mine')(debug.getlocal(co, 1, 1))
  eq('mine')(debug.setlocal(co, 1, 1, 'yours'))
  eq(true, 'yours')(coop.join(co))
  eq('getinfo')(debug.getinfo(0, 'n').name)
  eq('Lua')(debug.getinfo(1, 'S').what)
  local here = 7
  eq('here', 7)(debug.getlocal(1, 2))
  raises('number expected', debug.getinfo, {})
end)

test('handles are as different as coroutines', function()
  local seen, n = {}, 0
  for _ = 1, 1000 do
    local co = spawn(function() end)
    eq(nil)(seen[co])
    seen[co] = true
    n = n + 1
    coop.yield()
  end
  eq(1000)(n)
end)

test('ten thousand, each with its own results, in few threads', function()
  collectgarbage() collectgarbage()
  local before, sum = collectgarbage('count'), 0
  for i = 1, 10000 do
    local _, r = coop.join(spawn(function(x) sleep(0.001) return x * 2 end, i))
    sum = sum + r
  end
  eq(100010000)(sum)
  collectgarbage() collectgarbage()
  assert(collectgarbage('count') - before < 300, collectgarbage('count') - before)
end)

test('ten thousand at once', function()
  local ended, before = 0, coop.count()
  for i = 1, 10000 do spawn(function() sleep(1 + i / 10000) ended = ended + 1 end) end
  coop.yield()
  eq(before + 10000)(coop.count())
  sleep(3)
  eq(10000)(ended)
end)

test('nothing of an old one is left in its thread', function()
  for _ = 1, 100 do
    spawn(function()
      timeout(0.5)
      local x <close> = setmetatable({}, { __close = function() end })
      coroutine.wrap(function() coroutine.yield() end)()
    end)
  end
  sleep(0.1)
  local got, cos = {}, {}
  for i = 1, 100 do cos[i] = spawn(function() got[i] = select('#', coroutine.yield()) end) end
  sleep(2)
  -- no time-out of an old one woke them
  eq(0)(#got)
  for i = 1, 100 do eq(true)(schedule(cos[i])) end
  coop.yield()
  for i = 1, 100 do eq(0)(got[i]) end
end)

test('one that failed, or was cancelled, leaves its thread in order', function()
  for i = 1, 300 do
    local co = spawn(function()
      local t <close> = setmetatable({}, { __close = function() end })
      sleep(i % 3 / 10)
      return i
    end)
    if i % 3 == 0 then coop.yield() coop.cancel(co) end
    eq(true, i, 'x')(coop.join(spawn(function(...) coop.yield() return ... end, i, 'x')))
  end
  sleep(1)
end)

test('an object that is joined later is kept, one that nobody knows is not', function()
  local weak = setmetatable({}, { __mode = 'v' })
  local co = spawn(function() local t = {} weak.kept = t return t end)
  spawn(function() local t = {} weak.lost = t return t end)
  sleep(1)
  collectgarbage() collectgarbage()
  assert(weak.kept and not weak.lost)
  eq(true, weak.kept)(coop.join(co))
end)

test('a suspended coroutine is not collected, whoever knows it', function()
  local ran = 0
  for _ = 1, 100 do spawn(function() sleep(1) ran = ran + 1 end) end
  coop.yield()
  collectgarbage() collectgarbage()
  sleep(2)
  eq(100)(ran)
end)

expect.done()
