-- Random spawns, wake-ups, time-outs, cancels, joins, generators and errors that are caught, checked against what each coroutine must see. In virtual
-- time. arg[1]: the seed, arg[2]: how many steps.
math.randomseed(tonumber(arg[1]) or 1)
local steps = tonumber(arg[2]) or 20000
local random = math.random

local alive = {}          -- the list of handles that have not ended, as far as we know
local state = {}          -- handle -> what it does: { waits = 'yield'..., token = what schedule gave }
local ended = {}          -- handles that have ended, some of them, and what join must give
local closes, opens, sum = 0, 0, 0

local function guard()
  opens = opens + 1
  return setmetatable({}, { __close = function() closes = closes + 1 end })
end

local function forget(co)
  local s = state[co]
  local last = table.remove(alive)
  if last ~= co then
    alive[s.at] = last
    state[last].at = s.at
  end
  state[co] = nil
  if #ended < 500 then ended[#ended + 1] = { co, s } else ended[random(500)] = { co, s } end
end

-- one blocking thing; s.token is what the next schedule of us passes
local function block(s)
  local what = random(6)
  if what == 1 then
    local start, t = coop.now(), random(0, 100) / 1000
    s.waits = 'sleep'
    sleep(t)
    assert(coop.now() - start > t - 1e-5)
  elseif what == 2 then
    s.waits = 'yield'
    local t = random(0, 2) == 0 and random(1, 100) / 1000 or 0
    timeout(t)
    local start = coop.now()
    s.token = nil
    if t == 0 then timeout(random(50, 100)) end
    local got, why = coroutine.yield()
    if got == nil then
      assert(why == 'timeout' and s.token == nil)
      if t > 0 then assert(coop.now() - start > t - 1e-5) end
    else
      assert(got == s.token, 'another\'s wake-up')
      assert(why == nil)
    end
    timeout(0)
  elseif what == 3 then
    s.waits = 'ready'
    coop.yield()
  elseif what == 4 and #alive > 1 then
    local other = alive[random(#alive)]
    if other ~= coop.current() then
      s.waits = 'join'
      local t = random(1, 100) / 1000
      local o = state[other]
      local ok, v = coop.join(other, t)
      assert(ok == true and v == o.result or ok == false and v == 'cancelled' and o.cancelled or ok == nil and v == 'timeout')
    end
  elseif what == 5 then
    s.waits = 'inner'
    local inner = spawn(function(...) sleep(random(3) / 1000) return ... end, 1, nil, 3)
    local r = table.pack(coop.join(inner))
    assert(r.n == 4 and r[2] == 1 and r[3] == nil and r[4] == 3)
  else
    s.waits = 'caught'
    local ok, e = pcall(function() local _ <close> = guard() sleep(0.001) error(s) end)
    assert(not ok and e == s)
  end
  s.waits = nil
end

local function nest(s, depth)
  local _ <close> = guard()
  if depth == 0 then return block(s) end
  local gen = coroutine.wrap(function()
    for i = 1, random(3) do
      nest(s, depth - 1)
      coroutine.yield(i)
    end
  end)
  for _ = 1, random(3) do if not gen() then break end end
end

local function body(s)
  local _ <close> = guard()
  s.began = true
  for _ = 1, random(5) do nest(s, random(0, 3)) end
  forget(coop.current())
  sum = sum + 1
  return s.result
end

local function start()
  local s = { result = {}, at = #alive + 1 }
  local co = spawn(body, s)
  state[co] = s
  alive[s.at] = co
end

local function wake(co)
  local s = state[co]
  local token = {}
  local was = s.waits
  local ok = schedule(co, token)
  -- one that waits in yield may have been woken already, by another or by its time-out
  if ok then
    assert(was == 'yield' and s.token == nil)
    s.token = token
  end
end

local function kill(co)
  if co == coop.current() then return end
  local s = state[co]
  forget(co)
  s.cancelled = true
  local before_open, before_close = opens, closes
  assert(coop.cancel(co) == true)
  assert(opens == before_open and closes >= before_close)
  assert(s.began == nil or closes > before_close)
  assert(coroutine.status(co) == 'dead')
end

local function look(old)
  local co, s = old[1], old[2]
  if coroutine.status(co) ~= 'dead' then return end
  assert(not pcall(schedule, co, 'never'))
  assert(coop.cancel(co) == false)
  local ok, v = coop.join(co)
  if s.cancelled then assert(ok == false and v == 'cancelled')
  else assert(ok == true and v == s.result) end
end

for _ = 1, steps do
  local r = random(100)
  if #alive == 0 or r <= 30 and #alive < 2000 then start()
  elseif r <= 60 then wake(alive[random(#alive)])
  elseif r <= 65 then kill(alive[random(#alive)])
  elseif r <= 75 and #ended > 0 then look(ended[random(#ended)])
  elseif r <= 80 then sleep(random(10) / 1000)
  elseif r == 81 and random(20) == 1 then collectgarbage()
  else coop.yield() end
end
-- the end: everyone is woken, or sleeps to its end
while #alive > 0 do
  for i = #alive, 1, -1 do if alive[i] then wake(alive[i]) end end
  sleep(0.01)
end
sleep(200)
assert(coop.count() == 1, coop.count())
-- generators that were left in the middle are closed by nobody, as in plain Lua
assert(closes <= opens)
assert(sum > steps // 20)
local s = coop.stats()
assert(s.co == 1 and s.ready == 0 and s.errors == 0)
print('all in order')
