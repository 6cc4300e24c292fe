-- The work that every scheduler under test does, in terms of what a scheduler brings, as a table of functions:
--   spawn(f)      f runs as a coroutine, later or at once
--   yield()       in a coroutine: to the back of the run queue
--   turn()        at the top: lets all that can run do so once
--   settle()      at the top: until all have ended; settle_asleep(): the same, of those that sleep
--   sleep(s), arm(s), disarm()
--   waiter() -> w, wait(w): suspends with a time-out of five seconds, which is gone afterwards; wake(w): by another
--   now()         seconds
--   nap           how long a million have to sleep for all to have gone to sleep before the first wakes up, if 8 seconds do not do
--   collects      true: it has been told the collector's mode already
-- Prints lines of NAME VALUE UNIT, with tabs between; nothing when the scheduler lacks what the work takes.
local M = {}

local function rss()
  for line in io.lines('/proc/self/statm') do
    return tonumber(line:match('^%d+ (%d+)')) * 4096
  end
end

-- CPU seconds of this process, user and system
local clock = os.clock

local function report(name, value, unit)
  print(string.format('%s\t%.4f\t%s', name, value, unit))
end

-- without closing a state that holds a million coroutines
local function leave()
  io.stdout:flush()
  os.exit(0)
end

function M.spawn(s)
  if not s.spawn then return end
  local rounds, batch = 1000, 1000
  local function f() end
  local begun = clock()
  for _ = 1, rounds do
    for _ = 1, batch do s.spawn(f) end
    s.settle()
  end
  report('spawn, run, finish', (clock() - begun) * 1e9 / (rounds * batch), 'ns')
end

function M.switch(s)
  if not s.yield then return end
  local coroutines, rounds = 1000, 1000
  local yield = s.yield
  local function f()
    for _ = 1, rounds do yield() end
  end
  for _ = 1, coroutines do s.spawn(f) end
  local begun = clock()
  s.settle()
  report('switch', (clock() - begun) * 1e9 / (coroutines * rounds), 'ns')
end

-- a hundred coroutines that compute for some 50 us at a time
function M.compute(s)
  local begun = clock()
  for _ = 1, 100 do
    s.spawn(function()
      local x = 0
      for _ = 1, 40 do
        for i = 1, 10000 do x = x + i % 7 end
        s.yield()
      end
    end)
  end
  s.settle()
  report('compute', (clock() - begun) * 1e6 / 4000, 'us')
end

function M.timeout(s)
  if not s.arm then return end
  local pending, n = 100000, 1000000
  local function f() s.sleep(6 + 54 * math.random()) end
  for _ = 1, pending do s.spawn(f) end
  s.turn()
  local arm, disarm = s.arm, s.disarm
  local begun = clock()
  for _ = 1, n do
    arm(5)
    disarm()
  end
  report('timeout armed and removed, 10^5 pending', (clock() - begun) * 1e9 / n, 'ns')
  leave()
end

function M.suspend(s)
  if not s.waiter then return end
  local coroutines, rounds = 1000, 300
  local wait, wake, yield, waiters, waiting = s.wait, s.wake, s.yield, {}, 0
  local begun = clock()
  for i = 1, coroutines do
    s.spawn(function()
      local w = s.waiter()
      waiters[i] = w
      for _ = 1, rounds do
        waiting = waiting + 1
        wait(w)
      end
    end)
  end
  s.spawn(function()
    for _ = 1, rounds do
      while waiting < coroutines do yield() end
      waiting = 0
      for i = 1, coroutines do wake(waiters[i]) end
    end
  end)
  s.settle()
  report('suspend for 5 s, woken by another, cancelled', (clock() - begun) * 1e9 / (coroutines * rounds), 'ns')
end

function M.sleepers(s)
  if not s.sleep then return end
  local n = 1000000
  local done = 0
  local function f()
    s.sleep(s.nap or 8)
    done = done + 1
  end
  local before, begun = rss(), clock()
  for _ = 1, n do s.spawn(f) end
  s.turn()
  report('10^6 asleep, park', (clock() - begun) * 1e9 / n, 'ns')
  report('10^6 asleep, memory of each', (rss() - before) / n, 'bytes')
  begun = clock()
  s.settle_asleep()
  report('10^6 asleep, wake', (clock() - begun) * 1e9 / n, 'ns')
  assert(done == n)
  leave()
end

local function percentiles(name, late)
  table.sort(late)
  local function p(x) return late[math.max(1, math.ceil(#late * x / 100))] * 1000 end
  report(name .. ', p50', p(50), 'ms')
  report(name .. ', p99', p(99), 'ms')
  report(name .. ', max', p(100), 'ms')
end

-- a coroutine that sleeps a millisecond again and again, for less than the second in which Linux takes the core from a process that it
-- lets come first
local function sleeper(s, name)
  local late, last = {}, s.now() + 0.8
  repeat
    local begun = s.now()
    s.sleep(0.001)
    late[#late + 1] = s.now() - begun - 0.001
  until s.now() > last
  percentiles(name, late)
  leave()
end

function M.lateness(s)
  if not (s.now and s.sleep and s.yield) then return end
  local function f()
    while true do s.yield() end
  end
  for _ = 1, 10000 do s.spawn(f) end
  s.turn()
  s.spawn(function() sleeper(s, '1 ms sleep among 10^4 ready') end)
  s.settle()
end

-- a million others sleep too, for eight seconds or so, again and again: one of them wakes up every eight microseconds
function M.million(s)
  if not (s.now and s.sleep) then return end
  local function f()
    s.sleep(1 + 8 * math.random())
    while true do s.sleep(4 + 8 * math.random()) end
  end
  for _ = 1, 1000000 do s.spawn(f) end
  s.turn()
  s.spawn(function()
    s.sleep(2)
    sleeper(s, '1 ms sleep among 10^6 asleep')
  end)
  s.settle()
end

-- The longest that a coroutine which does nothing but allocate a gigabyte, little by little, is held up, by CPU time: what the collector
-- does at a time, while 10^5 others sleep.
function M.pause(s, mode)
  if not (s.sleep and s.yield) then return end
  if mode then collectgarbage(mode) end
  local function f() s.sleep(60) end
  for _ = 1, 100000 do s.spawn(f) end
  s.turn()
  s.spawn(function()
    local worst, last = 0, clock()
    for i = 1, 1000000 do
      local garbage = { i, ('x'):rep(900) }
      local now = clock()
      if now - last > worst then worst = now - last end
      last = now
      if i % 1000 == 0 then
        s.yield()
        last = clock()
      end
    end
    report('pause of the collector, 10^5 asleep' .. (mode and ', ' .. mode or ''), worst * 1000, 'ms')
    leave()
  end)
  s.settle()
end

-- what a request does: some tables and strings, some calls deep, and a wait in the middle
local function request(s, depth, seconds)
  local headers = {}
  for i = 1, 2 do headers[i] = ('header %d: %d'):format(i, depth) end
  if depth > 1 then return request(s, depth - 1, seconds) + #headers end
  s.sleep(seconds)
  return #headers
end

local function peak()
  for line in io.lines('/proc/self/status') do
    local kib = line:match('^VmHWM:%s+(%d+)')
    if kib then return tonumber(kib) / 1024 end
  end
end

-- a million coroutines that do nothing, or 200,000 that do what a request does, a thousand at a time
function M.pool(s, mode)
  if not s.collects then collectgarbage(mode) end
  local function idle()
    for _ = 1, 1000 do
      for _ = 1, 1000 do s.spawn(function() end) end
      s.settle()
    end
  end
  local function busy()
    for _ = 1, 200 do
      for _ = 1, 1000 do s.spawn(function() request(s, 5, 0.001) end) end
      s.settle_asleep()
    end
  end
  local begun = clock()
  idle()
  report('nothing to do, ' .. mode .. ': time of each', (clock() - begun) * 1e3, 'ns')
  report('nothing to do, ' .. mode .. ': most memory', peak(), 'MiB')
  begun = clock()
  busy()
  report('requests, ' .. mode .. ': time of each', (clock() - begun) * 5, 'us')
  report('requests, ' .. mode .. ': most memory', peak(), 'MiB')
  leave()
end

-- a service of 20,000 requests a second that take 50 ms each, for 20 seconds; with a burst of 100,000 after five
function M.service(s, mode)
  if not s.collects then collectgarbage(mode) end
  s.spawn(function()
    local begun, sent, burst = s.now(), 0, false
    while s.now() - begun < 20 do
      s.sleep(0.005)
      while sent < (s.now() - begun) * 20000 do
        s.spawn(function() request(s, 5, 0.05) end)
        sent = sent + 1
      end
      if not burst and s.now() - begun > 5 then
        burst = true
        for _ = 1, 100000 do s.spawn(function() request(s, 5, 1) end) end
      end
    end
    leave()
  end)
  s.settle_asleep()
end

-- no memory is lost by ten million coroutines: what the last million adds to that of the first
function M.growth(s, mode)
  local function f() end
  local function million()
    for _ = 1, 1000 do
      for _ = 1, 1000 do s.spawn(f) end
      s.settle()
    end
    return rss()
  end
  local first, last = million(), nil
  for _ = 1, 9 do last = million() end
  report('growth over 10^7 coroutines, ' .. mode, (last - first) / 1024, 'KiB')
end

return M
