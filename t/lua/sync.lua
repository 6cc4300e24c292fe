-- Groups, channels, semaphores.
local expect = require 'expect'
local eq, test, raises = expect.eq, expect.test, expect.raises
expect.virtual = true

test('a group is waited for', function()
  local start, ended = coop.now(), 0
  local g <close> = coop.group()
  for i = 1, 5 do g:spawn(function(x) sleep(x) ended = ended + 1 end, i) end
  eq(true)(g:wait())
  eq(5)(ended)
  expect.passed(start, 5)
  eq(true)(g:wait())
end)

test('a group is waited for so long and no longer', function()
  local g <close> = coop.group()
  local start = coop.now()
  g:spawn(sleep, 10)
  eq(nil, 'timeout')(g:wait(2))
  expect.passed(start, 2)
  eq(true)(g:wait())
end)

test('members have results as others do', function()
  local g <close> = coop.group()
  eq(true, 'a', nil, 'c')(coop.join(g:spawn(function(...) sleep(1) return ... end, 'a', nil, 'c')))
end)

test('leaving the scope cancels what still runs', function()
  local closed, ran = 0, false
  do
    local g <close> = coop.group()
    for _ = 1, 3 do
      g:spawn(function()
        local x <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
        sleep(100)
        ran = true
      end)
    end
    coop.yield()
  end
  eq(3, false)(closed, ran)
  sleep(200)
  eq(false)(ran)
end)

test('the first error cancels the rest and is raised by wait', function()
  local ran, start = false, coop.now()
  local g <close> = coop.group()
  g:spawn(function() sleep(5) ran = true end)
  g:spawn(function() sleep(1) error('first', 0) end)
  g:spawn(function() sleep(2) error('second', 0) end)
  local ok, e = pcall(g.wait, g)
  eq(false, 'first')(ok, e)
  expect.passed(start, 1)
  sleep(10)
  eq(false)(ran)
end)

test('an error that nobody waits for is raised at the end of the scope', function()
  eq(false, 'mine')(pcall(function()
    local g <close> = coop.group()
    g:spawn(error, 'mine', 0)
    sleep(1)
  end))
  local t = {}
  eq(false, t)(pcall(function()
    local g <close> = coop.group()
    g:spawn(function() error(t) end)
    sleep(1)
    error(t)
  end))
end)

test('a group that is over takes nobody', function()
  local kept
  do local g <close> = coop.group() kept = g end
  raises('the group has ended', kept.spawn, kept, print)
end)

test('cancelling the owner cancels the members', function()
  local ran = false
  local owner = spawn(function()
    local g <close> = coop.group()
    g:spawn(function() sleep(5) ran = true end)
    g:wait()
  end)
  sleep(1)
  coop.cancel(owner)
  sleep(10)
  eq(false)(ran)
end)

test('a channel hands over in order', function()
  local ch, got = coop.channel(), {}
  local reader = spawn(function() for v in ch:each() do got[#got + 1] = v sleep(0.1) end end)
  for i = 1, 20 do eq(true)(ch:put(i)) end
  ch:close()
  coop.join(reader)
  eq(20)(#got)
  for i = 1, 20 do eq(i)(got[i]) end
end)

test('a channel without room: put waits for the get', function()
  local ch, start = coop.channel(), coop.now()
  spawn(function() sleep(3) eq('x')(ch:get()) end)
  eq(true)(ch:put('x'))
  expect.passed(start, 3)
end)

test('a channel with room takes that much', function()
  local ch, start = coop.channel(2), coop.now()
  eq(true)(ch:put(1))
  eq(true)(ch:put(false))
  expect.passed(start, 0)
  eq(nil, 'timeout')(ch:put(3, 1))
  expect.passed(start, 1)
  eq(2)(#ch)
  eq(1)(ch:get())
  eq(false)(ch:get())
  eq(nil, 'timeout')(ch:get(1))
  expect.passed(start, 2)
end)

test('a closed channel gives what is in it, then nothing', function()
  local ch = coop.channel(5)
  ch:put('a')
  ch:put('b')
  ch:close()
  eq(nil, 'closed')(ch:put('c'))
  eq('a')(ch:get())
  eq('b')(ch:get())
  eq(nil, 'closed')(ch:get())
  ch:close()
end)

test('close wakes those who wait to get', function()
  local ch, got = coop.channel(), 0
  for _ = 1, 3 do spawn(function() local v, why = ch:get() assert(v == nil and why == 'closed') got = got + 1 end) end
  sleep(1)
  ch:close()
  coop.yield()
  eq(3)(got)
end)

test('nil is no value, a negative capacity none', function()
  raises('nil', function() coop.channel(1):put(nil) end)
  raises('capacity', coop.channel, -1)
end)

test('many put, many get: each value once', function()
  local ch, seen, n = coop.channel(3), {}, 0
  local readers = coop.group()
  for _ = 1, 4 do readers:spawn(function() for v in ch:each() do assert(not seen[v]) seen[v] = true n = n + 1 coop.yield() end end) end
  do
    local writers <close> = coop.group()
    for w = 0, 4 do writers:spawn(function() for i = 1, 100 do ch:put(w * 100 + i) end end) end
    writers:wait()
  end
  ch:close()
  readers:wait()
  eq(500)(n)
end)

test('getters that give up, or are cancelled, lose nothing', function()
  local ch = coop.channel()
  local gone = spawn(function() ch:get() end)
  local late = spawn(function() return ch:get(1) end)
  coop.yield()
  coop.cancel(gone)
  eq(true, nil, 'timeout')(coop.join(late))
  spawn(function() sleep(1) ch:put('kept') end)
  eq('kept')(ch:get())
end)

test('a semaphore lets in as many as it says', function()
  local sem, inside, most, done = coop.semaphore(3), 0, 0, 0
  for _ = 1, 20 do
    spawn(function()
      eq(true)(sem:acquire())
      inside = inside + 1
      most = math.max(most, inside)
      sleep(1)
      inside = inside - 1
      done = done + 1
      sem:release()
    end)
  end
  local start = coop.now()
  while done < 20 do sleep(0.5) end
  eq(3)(most)
  expect.passed(start, 7)
end)

test('a semaphore: time-out, order, cancel', function()
  local sem, log = coop.semaphore(0), {}
  local start = coop.now()
  eq(nil, 'timeout')(sem:acquire(2))
  expect.passed(start, 2)
  local cos = {}
  for i = 1, 4 do cos[i] = spawn(function() sem:acquire() log[#log + 1] = i end) end
  coop.yield()
  coop.cancel(cos[2])
  for _ = 1, 3 do sem:release() end
  coop.yield()
  eq('1 3 4')(table.concat(log, ' '))
  raises('negative', coop.semaphore, -1)
end)

expect.done()
