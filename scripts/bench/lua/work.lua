-- The work that every scheduler under test does, in terms of what a scheduler brings: spawn, yield, sleep, run (until all
-- have ended; corun's own loop does it), timeout. Prints `NAME VALUE UNIT` for the one kind of work it is asked for.
local M = {}

local function rss()
  for line in io.lines('/proc/self/statm') do
    return tonumber(line:match('^%d+ (%d+)')) * 4096
  end
end

-- CPU seconds of this process, user and system
local clock = os.clock

local function report(name, value, unit)
  print(string.format('%s\t%.1f\t%s', name, value, unit))
end

function M.spawn(s)
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
  local coroutines, rounds = 1000, 1000
  local function f()
    for _ = 1, rounds do s.yield() end
  end
  for _ = 1, coroutines do s.spawn(f) end
  local begun = clock()
  s.settle()
  report('switch', (clock() - begun) * 1e9 / (coroutines * rounds), 'ns')
end

function M.timeout(s)
  local pending, n = 100000, 1000000
  local function f() s.sleep(60) end
  for _ = 1, pending do s.spawn(f) end
  s.yield()
  local arm, disarm = s.arm, s.disarm
  local begun = clock()
  for _ = 1, n do
    arm(5)
    disarm()
  end
  report('timeout armed and removed, 10^5 others pending', (clock() - begun) * 1e9 / n, 'ns')
  os.exit(0)
end

function M.sleepers(s)
  local n = 1000000
  local done = 0
  local function f()
    s.sleep(8)
    done = done + 1
  end
  local before, begun = rss(), clock()
  for _ = 1, n do s.spawn(f) end
  s.yield()
  report('10^6 asleep, park', (clock() - begun) * 1e9 / n, 'ns')
  report('10^6 asleep, memory', (rss() - before) / n, 'bytes')
  begun = clock()
  s.settle_asleep()
  report('10^6 asleep, wake', (clock() - begun) * 1e9 / n, 'ns')
  assert(done == n)
end

return M
