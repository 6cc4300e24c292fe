-- corun's side: corun scripts/bench/lua/on-corun.lua WORK
package.path = package.path .. ';' .. arg[0]:gsub('[^/]*$', '?.lua')
local work = require 'work'
local timeout, suspend = timeout, coroutine.yield

work[arg[1]]({
  spawn = spawn,
  yield = coop.yield,
  turn = coop.yield,
  sleep = sleep,
  now = coop.now,
  collects = true,
  arm = timeout,
  disarm = function() timeout(0) end,
  waiter = coop.current,
  wait = function()
    timeout(5)
    suspend()
    timeout(0)
  end,
  wake = schedule,
  -- this coroutine is one of those alive
  settle = function()
    while coop.count() > 1 do coop.yield() end
  end,
  settle_asleep = function()
    while coop.count() > 1 do sleep(0.01) end
  end,
}, arg[2])
