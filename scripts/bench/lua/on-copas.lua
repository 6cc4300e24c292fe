-- copas' side: lua5.4 scripts/bench/lua/on-copas.lua WORK
-- Debian's copas knows threads and sockets, but no time; a newer one that LUA_PATH finds first shows what it has more.
package.path = package.path .. ';/usr/share/lua/5.1/?.lua;' .. arg[0]:gsub('[^/]*$', '?.lua')
local work = require 'work'
local socket = require 'socket'
local copas = require 'copas'

local function loop()
  if copas.pause then copas.loop() end
end

local scheduler = {
  spawn = function(f) copas.addthread(f) end,
  settle = loop,
  settle_asleep = loop,
}

if copas.pause then
  local pause = copas.pause
  scheduler.yield = function() pause(0) end
  scheduler.turn = function() copas.step(0) end
  scheduler.settle = function()
    repeat copas.step(0) until copas.finished()
  end
  scheduler.sleep = pause
  scheduler.now = socket.gettime
  scheduler.waiter = coroutine.running
  local function late(co) copas.wakeup(co) end
  scheduler.wait = function()
    copas.timeout(5, late)
    copas.pauseforever()
    copas.timeout(0)
  end
  scheduler.wake = copas.wakeup
end

work[arg[1]](scheduler, arg[2])
