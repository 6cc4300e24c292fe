-- After a burst of coroutines: those that lived before it and through it are the same, and memory is given back.
-- Run with -t.
local function expect(what, got, want)
  if want == nil then got, want = got and true, true end
  if got ~= want then error(('%s: got %s, want %s'):format(what, got, want), 2) end
end

local function heap() return collectgarbage('count') * 1024 end

local survivors, answers = {}, coop.channel(1000)

local function survive(i)
  local me = coroutine.running()
  local how = coroutine.yield()
  answers:put(me == coroutine.running() and survivors[me] == i and how == i)
  return i, me
end

local before = heap()
for round = 1, 3 do
  for i = 1, 30000 do
    if i % 1000 == 0 then
      local co = spawn(survive, round * 100000 + i)
      survivors[co] = round * 100000 + i
    end
    spawn(sleep, 1 + i % 3)
  end
  sleep(0.5)
  expect('all of a burst live', coop.count() >= 30000)
  sleep(30)
  expect('those that sleep have ended', coop.count(), 1 + round * 30)
end

local n = 0
for co, i in pairs(survivors) do
  n = n + 1
  expect('a survivor is suspended', coroutine.status(co), 'suspended')
  expect('a survivor is woken', schedule(co, i))
  expect('it is itself', answers:get())
  local ok, result, me = coop.join(co)
  expect('it returns', ok and result == i and me == co)
end
expect('survivors', n, 90)
sleep(30)
expect('memory is given back', (heap() - before) // (1024 * 1024), 0)
print 'all in order'
