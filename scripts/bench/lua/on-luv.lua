-- luv's side: lua5.4 scripts/bench/lua/on-luv.lua WORK
-- libuv knows callbacks. A coroutine on it is started at once, and what resumes it later is a callback: of a timer of its own, which it
-- keeps, since that is cheaper than a new one for each wait. One that only gives way is queued for an idle callback: timers of no time
-- run again before any other is looked at.
package.path = package.path .. ';' .. arg[0]:gsub('[^/]*$', '?.lua')
local work = require 'work'
local uv = require 'luv'

local create, resume, running, suspend = coroutine.create, coroutine.resume, coroutine.running, coroutine.yield
local timers = {} -- by coroutine: { timer, what resumes the coroutine }

local function go_on(co)
  local ok, why = resume(co)
  if not ok then error(why) end
end

local function spawn(f)
  go_on(create(function()
    f()
    local mine = timers[running()]
    if mine then
      mine[1]:close()
      timers[running()] = nil
    end
  end))
end

local function timer()
  local co = running()
  local mine = timers[co]
  if not mine then
    mine = { uv.new_timer(), function() go_on(co) end }
    timers[co] = mine
  end
  return mine[1], mine[2]
end

local idle, queue = uv.new_idle(), {}

local function run_queue()
  local now = queue
  queue = {}
  for i = 1, #now do go_on(now[i]) end
  if #queue == 0 then idle:stop() end
end

local function yield()
  local n = #queue + 1
  queue[n] = running()
  if n == 1 then idle:start(run_queue) end
  suspend()
end

local mine

work[arg[1]]({
  spawn = spawn,
  yield = yield,
  turn = function() uv.run('nowait') end,
  sleep = function(s)
    local t, cb = timer()
    t:start(math.ceil(s * 1000), 0, cb)
    suspend()
  end,
  now = function() return uv.hrtime() / 1e9 end,
  arm = function(s)
    mine = mine or uv.new_timer()
    mine:start(s * 1000, 0, function() end)
  end,
  disarm = function() mine:stop() end,
  waiter = running,
  wait = function()
    local t, cb = timer()
    t:start(5000, 0, cb)
    suspend()
    t:stop()
  end,
  wake = go_on,
  nap = 20,
  settle = uv.run,
  settle_asleep = uv.run,
}, arg[2])
