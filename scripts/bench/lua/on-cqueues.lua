-- cqueues' side: lua5.4 scripts/bench/lua/on-cqueues.lua WORK
package.path = package.path .. ';' .. arg[0]:gsub('[^/]*$', '?.lua')
local work = require 'work'
local cqueues = require 'cqueues'
local condition = require 'cqueues.condition'

local cq = cqueues.new()

local function loop() assert(cq:loop()) end

work[arg[1]]({
  spawn = function(f) cq:wrap(f) end,
  yield = function() cqueues.poll(0) end,
  turn = function() assert(cq:step(0)) end,
  sleep = cqueues.sleep,
  now = cqueues.monotime,
  waiter = condition.new,
  wait = function(c) c:wait(5) end,
  wake = function(c) c:signal() end,
  settle = loop,
  settle_asleep = loop,
}, arg[2])
