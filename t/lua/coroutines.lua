-- spawn, sleep, timeout, schedule, coroutine.yield, and coop's yield, join, cancel, current, count, now, time. In virtual time.
local expect = require 'expect'
local eq, test, raises = expect.eq, expect.test, expect.raises
expect.virtual = true

test('spawn puts on the run queue and hands over what it is given', function()
  local log = {}
  local co = spawn(function(...) log[#log + 1] = table.pack(...) end, 1, nil, 'x', nil)
  eq(0)(#log)
  eq('suspended')(coroutine.status(co))
  coop.yield()
  eq(1, nil, 'x', nil)(table.unpack(log[1], 1, log[1].n))
  eq('dead')(coroutine.status(co))
  raises('function expected', spawn)
  raises('function expected', spawn, 1)
end)

test('they run in the order in which they were started', function()
  local log = {}
  for i = 1, 100 do spawn(function() log[#log + 1] = i coop.yield() log[#log + 1] = 100 + i end) end
  sleep(1)
  eq(200)(#log)
  for i = 1, 200 do eq(i)(log[i]) end
end)

test('a hundred arguments and results', function()
  local many = {}
  for i = 1, 100 do many[i] = i end
  local got = table.pack(coop.join(spawn(function(...) return ... end, table.unpack(many))))
  eq(101)(got.n)
  eq(true, 1, 100)(got[1], got[2], got[101])
end)

test('sleep takes as long as it says, and all sleep at once', function()
  local start, ended = coop.now(), 0
  for i = 1, 10 do spawn(function() sleep(i / 4) expect.passed(start, i / 4) ended = ended + 1 end) end
  sleep(2.3)
  eq(9)(ended)
  sleep(0.25)
  eq(0)(select('#', sleep(0.1)))
  eq(10)(ended)
  expect.passed(start, 2.65)
end)

test('sleep(0) and less only gives way', function()
  local start, log = coop.now(), {}
  spawn(function() log[1] = 'other' end)
  sleep(0)
  eq('other')(log[1])
  sleep(-1)
  sleep(0 / 0)
  expect.passed(start, 0)
  raises('number expected', sleep)
  raises('number expected', sleep, {})
end)

test('ten hours', function()
  local start, wall = coop.now(), coop.time()
  sleep(36000)
  expect.passed(start, 36000)
  assert(math.abs(coop.time() - wall - 36000) < 1e-3)
end)

test('wall-clock time is that of the system', function()
  assert(math.abs(coop.time() - os.time()) < 86400 * 2)
end)

test('schedule wakes from yield and hands over what it is given', function()
  local log = {}
  local co = spawn(function() log[1] = table.pack(coroutine.yield()) log[2] = table.pack(coroutine.yield()) end)
  coop.yield()
  eq(true)(schedule(co, 'a', nil, 3))
  coop.yield()
  eq(3)(log[1].n)
  eq('a', nil, 3)(table.unpack(log[1], 1, 3))
  eq(true)(schedule(co))
  coop.yield()
  eq(0)(log[2].n)
end)

test('schedule of one that does not wait in yield is false and changes nothing', function()
  local woken
  local sleeper = spawn(function() local start = coop.now() woken = select('#', sleep(1)) expect.passed(start, 1) end)
  eq(false)(schedule(sleeper, 'not started'))
  coop.yield()
  eq(false)(schedule(sleeper, 'asleep'))
  eq(false)(schedule(coop.current(), 'myself'))
  eq(true)(coop.join(sleeper))
  eq(0)(woken)
  -- only the first of two wakes
  local got
  local co = spawn(function() got = coroutine.yield() end)
  coop.yield()
  eq(true)(schedule(co, 1))
  eq(false)(schedule(co, 2))
  coop.yield()
  eq(1)(got)
end)

test('schedule of what is no live coroutine is an error', function()
  local co = spawn(function() end)
  coop.yield()
  raises('has ended', schedule, co)
  raises('coroutine of spawn expected', schedule, nil)
  raises('coroutine of spawn expected', schedule, {})
  raises('coroutine of spawn expected', schedule, io.stdout)
  raises('coroutine of spawn expected', schedule, coroutine.create(print))
end)

test('timeout ends a yield with nil and why', function()
  local start = coop.now()
  timeout(1.5)
  eq(nil, 'timeout')(coroutine.yield('ignored', 2))
  expect.passed(start, 1.5)
end)

test('timeout wakes once', function()
  timeout(1)
  coroutine.yield()
  local co = coop.current()
  spawn(function() sleep(100) schedule(co, 'by hand') end)
  eq('by hand')(coroutine.yield())
end)

test('timeout(0) takes it back, and is always safe', function()
  timeout(0)
  timeout(0)
  timeout(1)
  timeout(0)
  local co = coop.current()
  spawn(function() sleep(10) schedule(co, 'woken') end)
  eq('woken')(coroutine.yield())
  timeout(0)
  sleep(5)
  raises('number expected', timeout)
end)

test('timeout of later replaces that of earlier', function()
  local start = coop.now()
  timeout(1)
  timeout(3)
  eq(nil, 'timeout')(coroutine.yield())
  expect.passed(start, 3)
end)

test('a timeout that was not taken back reaches the next yield, not a sleep', function()
  local start = coop.now()
  timeout(2)
  sleep(1)
  expect.passed(start, 1)
  eq(nil, 'timeout')(coroutine.yield())
  expect.passed(start, 2)
  timeout(1)
  sleep(5)
  eq(nil, 'timeout')(coroutine.yield())
  expect.passed(start, 7)
end)

test('woken before the timeout: it hears of that only', function()
  local got, later
  local co = spawn(function()
    timeout(2)
    got = coroutine.yield()
    timeout(0)
    timeout(50)
    later = table.pack(coroutine.yield())
  end)
  sleep(1)
  schedule(co, 'answer')
  coop.join(co)
  eq('answer')(got)
  eq(2, nil, 'timeout')(later.n, later[1], later[2])
end)

test('coop.yield goes to the back of the run queue', function()
  local log = {}
  local function three(name) for i = 1, 3 do log[#log + 1] = name .. i coop.yield() end end
  local a, b = spawn(three, 'a'), spawn(three, 'b')
  coop.join(a) coop.join(b)
  eq('a1 b1 a2 b2 a3 b3')(table.concat(log, ' '))
  eq(0)(select('#', coop.yield(1, 2)))
end)

test('current is the handle that spawn gave, and running gives it too', function()
  local inside, running, main
  local co = spawn(function() inside = coop.current() running, main = coroutine.running() end)
  coop.yield()
  eq(co, co, false)(inside, running, main)
  assert(coop.current() ~= co)
  local t = { [co] = 'a key' }
  eq('a key')(t[inside])
  eq('coroutine: ')(tostring(co):match('^coroutine: '))
  eq(false)(getmetatable(co))
end)

test('the states of a coroutine', function()
  local states, co = {}, nil
  co = spawn(function()
    states[1] = coroutine.status(co)
    coroutine.wrap(function() states[2] = coroutine.status(co) end)()
    states[3] = coroutine.isyieldable()
    sleep(1)
  end)
  coop.yield()
  eq('running', 'normal', true)(table.unpack(states))
  eq('suspended', true)(coroutine.status(co), coroutine.isyieldable(co))
  coop.join(co)
  eq('dead', false)(coroutine.status(co), coroutine.isyieldable(co))
  raises('schedule', coroutine.resume, co)
  raises('coroutine expected', coroutine.status, 1)
end)

test('join gives results, errors, or a time-out', function()
  eq(true, 1, nil, 3)(coop.join(spawn(function() sleep(1) return 1, nil, 3 end)))
  eq(true)(coop.join(spawn(function() end)))
  eq(true, nil)(coop.join(spawn(function() return nil end)))
  local slow = spawn(function() sleep(5) return 'late' end)
  local start = coop.now()
  eq(nil, 'timeout')(coop.join(slow, 2))
  expect.passed(start, 2)
  eq(true, 'late')(coop.join(slow, 10))
  expect.passed(start, 5)
  -- again, and when it has ended long ago
  eq(true, 'late')(coop.join(slow))
  eq(true, 'late')(coop.join(slow, 0))
  raises('own end', function() coop.join(coop.current()) end)
  raises('coroutine of spawn expected', coop.join, 1)
end)

test('many join one', function()
  local co, got = spawn(function() sleep(1) return 'x' end), {}
  for i = 1, 50 do spawn(function() got[i] = select(2, coop.join(co, i % 2 == 0 and 0.5 or 3)) end) end
  sleep(1.5)
  for i = 1, 50 do eq(i % 2 == 0 and 'timeout' or 'x')(got[i]) end
end)

test('cancel runs <close>, and it never runs again', function()
  local log = {}
  local co = spawn(function()
    local outer <close> = setmetatable({}, { __close = function() log[#log + 1] = 'outer' end })
    local inner <close> = setmetatable({}, { __close = function() log[#log + 1] = 'inner' end })
    sleep(1)
    log[#log + 1] = 'ran on'
  end)
  coop.yield()
  eq(true)(coop.cancel(co))
  eq('inner outer')(table.concat(log, ' '))
  eq('dead')(coroutine.status(co))
  eq(false, 'cancelled')(coop.join(co))
  eq(false)(coop.cancel(co))
  sleep(2)
  eq(2)(#log)
  raises('has ended', schedule, co)
end)

test('cancel of one that has not started, or is ready', function()
  local ran = false
  local co = spawn(function() ran = true end)
  eq(true)(coop.cancel(co))
  coop.yield()
  eq(false, 'cancelled')(coop.join(co))
  eq(false)(ran)
  co = spawn(function() coroutine.yield() ran = true end)
  coop.yield()
  schedule(co)
  eq(true)(coroutine.close(co))
  coop.yield()
  eq(false)(ran)
end)

test('cancel of oneself is an error', function()
  raises('cannot cancel itself', function() coop.cancel(coop.current()) end)
end)

test('who joins one that is cancelled hears of it', function()
  local co, got = spawn(sleep, 100), nil
  local joiner = spawn(function() got = table.pack(coop.join(co)) end)
  coop.yield()
  coop.cancel(co)
  coop.join(joiner)
  eq(2, false, 'cancelled')(got.n, got[1], got[2])
end)

test('cancel of one that joins, and of one that is joined', function()
  local slow = spawn(sleep, 10)
  local joiner = spawn(coop.join, slow)
  coop.yield()
  coop.cancel(joiner)
  eq(true)(coop.join(slow))
end)

test('count', function()
  local before = coop.count()
  for _ = 1, 1000 do spawn(sleep, 1) end
  eq(before + 1000)(coop.count())
  sleep(2)
  eq(before)(coop.count())
end)

test('stats', function()
  local before = coop.stats()
  for _ = 1, 10 do spawn(sleep, 1) end
  coop.yield()
  local now = coop.stats()
  eq(10)(now.co - before.co)
  eq(10)(now.spawned - before.spawned)
  assert(now.switches > before.switches and now.timers >= 10 and now.gc > 10000 and now.peak >= now.co and now.late == 0)
  sleep(2)
  assert(coop.stats().timeouts - before.timeouts >= 11)
end)

test('a coroutine that waits in nothing but yield is woken by its name only', function()
  local got = {}
  local cos = {}
  for i = 1, 10 do cos[i] = spawn(function() got[i] = coroutine.yield() end) end
  coop.yield()
  for i = 10, 1, -1 do schedule(cos[i], i * i) end
  coop.yield()
  for i = 1, 10 do eq(i * i)(got[i]) end
end)

expect.done()
