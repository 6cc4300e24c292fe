-- corun's side: corun scripts/bench/lua/corun.lua WORK
package.path = arg[0]:gsub('[^/]*$', '?.lua') .. ';' .. package.path
local work = require 'work'

work[arg[1]] {
  spawn = spawn,
  yield = coop.yield,
  sleep = sleep,
  arm = timeout,
  disarm = function() timeout(0) end,
  -- this coroutine is one of those alive
  settle = function()
    while coop.count() > 1 do coop.yield() end
  end,
  settle_asleep = function()
    while coop.count() > 1 do sleep(0.01) end
  end,
}
