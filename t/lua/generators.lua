-- Generators: what a script makes with coroutine.create and wrap. Their yields go to their resumer, what blocks suspends the whole coroutine.
local expect = require 'expect'
local eq, test, raises = expect.eq, expect.test, expect.raises
expect.virtual = true

test('a plain generator', function()
  local gen = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end)
  eq(2)(gen(1))
  eq(20)(gen(10))
  raises('cannot resume dead coroutine', gen)
end)

test('create, resume, status, isyieldable, close', function()
  local co
  co = coroutine.create(function(...)
    eq('running', true)(coroutine.status(co), coroutine.isyieldable())
    eq(co, false)(coroutine.running())
    local x = coroutine.yield(...)
    error { x }
  end)
  eq('suspended')(coroutine.status(co))
  eq(true, 1, nil, 3)(coroutine.resume(co, 1, nil, 3))
  local ok, e = coroutine.resume(co, 'x')
  eq(false, 'x', 'dead')(ok, e[1], coroutine.status(co))
  eq(false, 'cannot resume dead coroutine')(coroutine.resume(co))
  local closed
  co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() closed = true end }) coroutine.yield() end)
  coroutine.resume(co)
  eq(true)(coroutine.close(co))
  eq(true, 'dead')(closed, coroutine.status(co))
end)

test('a sleep in a generator suspends the whole coroutine, its yields go to the resumer', function()
  local start, other = coop.now(), 0
  spawn(function() for _ = 1, 30 do sleep(0.099) other = other + 1 end end)
  local gen = coroutine.wrap(function() for i = 1, 3 do sleep(1) coroutine.yield(i) end return 'end' end)
  for i = 1, 3 do eq(i)(gen()) expect.passed(start, i) end
  eq('end')(gen())
  eq(30)(other)
end)

test('three deep', function()
  local start = coop.now()
  local function range(n) return coroutine.wrap(function() for i = 1, n do sleep(0.5) coroutine.yield(i) end end) end
  local function squares(n) return coroutine.wrap(function() for i in range(n) do sleep(0.25) coroutine.yield(i * i) end end) end
  local function sums(n) return coroutine.wrap(function() local s = 0 for q in squares(n) do s = s + q sleep(0.25) coroutine.yield(s) end end) end
  local got = {}
  for s in sums(4) do got[#got + 1] = s end
  eq('1 5 14 30')(table.concat(got, ' '))
  expect.passed(start, 4)
end)

test('twenty deep', function()
  local function nest(n) return coroutine.wrap(function() if n > 0 then return nest(n - 1)() end sleep(1) return 'deepest' end) end
  local start = coop.now()
  eq('deepest')(nest(20)())
  expect.passed(start, 1)
end)

test('two that are resumed by turns, each of them sleeping', function()
  local function count(s) return coroutine.wrap(function() for i = 1, 5 do sleep(s) coroutine.yield(i) end end) end
  local a, b, start = count(1), count(2), coop.now()
  for i = 1, 5 do eq(i, i)(a(), b()) end
  expect.passed(start, 15)
end)

test('one that was made by one coroutine is resumed by another', function()
  local gen = coroutine.wrap(function() for i = 1, 2 do sleep(1) coroutine.yield(i) end end)
  eq(1)(gen())
  eq(true, 2)(coop.join(spawn(function() return gen() end)))
end)

test('in pcall, xpcall, an iterator, a sort that does not block', function()
  local start = coop.now()
  eq(true, 'a')(pcall(function() sleep(1) return 'a' end))
  local ok, e = pcall(function() sleep(1) error('b', 0) end)
  eq(false, 'b')(ok, e)
  eq(false, 'handled c')(xpcall(function() sleep(1) error('c', 0) end, function(m) return 'handled ' .. m end))
  local sum = 0
  for i in function(_, i) sleep(1) if i < 3 then return i + 1 end end, nil, 0 do sum = sum + i end
  eq(6)(sum)
  expect.passed(start, 7)
  eq(true, 5)(pcall(coroutine.wrap(function() return select(2, pcall(function() sleep(1) return 5 end)) end)))
end)

test('in __close and metamethods of the script', function()
  local start = coop.now()
  do local x <close> = setmetatable({}, { __close = function() sleep(1) end }) end
  local t = setmetatable({}, { __index = function(_, k) sleep(1) return k .. '!' end, __add = function(_, n) sleep(1) return n end })
  eq('k!', 3)(t.k, t + 3)
  expect.passed(start, 3)
end)

test('yield to schedule is only for the coroutine itself', function()
  local got
  local co = spawn(function()
    local gen = coroutine.wrap(function() coroutine.yield('to the resumer') sleep(1) return 'end' end)
    got = { gen(), gen(), coroutine.yield() }
  end)
  coop.yield()
  eq(false)(schedule(co, 'too early'))
  sleep(2)
  eq(true)(schedule(co, 'now'))
  coop.join(co)
  eq('to the resumer', 'end', 'now')(table.unpack(got))
end)

test('across a C function: an error that says so, and the coroutine lives on', function()
  local e = raises('C-call boundary', function() table.sort({ 3, 1, 2 }, function(a, b) sleep(1) return a < b end) end)
  assert(e:find('cannot wait here', 1, true))
  raises('C-call boundary', function() ('x'):gsub('x', function() sleep(1) end) end)
  raises('C-call boundary', function() return coroutine.wrap(function() ('x'):gsub('x', function() coop.yield() end) end)() end)
  raises('C-call boundary', function() ('x'):gsub('x', coroutine.wrap(function() sleep(1) end)) end)
  local start = coop.now()
  sleep(1)
  expect.passed(start, 1)
end)

test('a generator may be resumed, and yield, inside of a C function', function()
  local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(tostring(i)) end end)
  eq('123', 3)(('xxx'):gsub('x', gen))
end)

test('nobody else can resume or close one in which a coroutine waits', function()
  local gen = coroutine.create(function() sleep(1) return 'done' end)
  local got
  local co = spawn(function() got = table.pack(coroutine.resume(gen)) end)
  coop.yield()
  eq(false, 'cannot resume a coroutine in which another one waits')(coroutine.resume(gen))
  raises('in which another one waits', coroutine.close, gen)
  coop.join(co)
  eq(true, 'done')(got[1], got[2])
  local wrapped = coroutine.wrap(function() sleep(1) return 'done' end)
  co = spawn(function() got = table.pack(wrapped()) end)
  coop.yield()
  raises('in which another one waits', wrapped)
  coop.join(co)
  eq('done')(got[1])
end)

test('an error after a sleep goes to the resumer', function()
  local ok, e = coroutine.resume(coroutine.create(function() sleep(1) error('after', 0) end))
  eq(false, 'after')(ok, e)
  raises('after', coroutine.wrap(function() sleep(1) error('after') end))
  local t = {}
  eq(false, t)(pcall(coroutine.wrap(function() sleep(1) error(t) end)))
end)

test('wrap closes what failed', function()
  local closed
  pcall(coroutine.wrap(function()
    local x <close> = setmetatable({}, { __close = function(_, e) closed = e end })
    sleep(1)
    error('why', 0)
  end))
  eq('why')(closed)
end)

test('cancel runs <close> in generators, the innermost first', function()
  local log = {}
  local function guard(name) return setmetatable({}, { __close = function() log[#log + 1] = name end }) end
  local co = spawn(function()
    local a <close> = guard 'a'
    coroutine.wrap(function()
      local b <close> = guard 'b'
      coroutine.wrap(function() local c <close> = guard 'c' sleep(100) end)()
    end)()
  end)
  coop.yield()
  eq(true)(coop.cancel(co))
  eq('c b a')(table.concat(log, ' '))
  eq(false, 'cancelled')(coop.join(co))
end)

test('many, unfinished, are collected', function()
  collectgarbage()
  local before = collectgarbage('count')
  for _ = 1, 2000 do
    local gen = coroutine.wrap(function() sleep(0.001) coroutine.yield(1) coroutine.yield(2) end)
    gen()
  end
  collectgarbage() collectgarbage()
  assert(collectgarbage('count') - before < 200, collectgarbage('count') - before)
end)

test('a timeout in a generator is the coroutine\'s', function()
  local start = coop.now()
  coroutine.wrap(function() timeout(2) end)()
  eq(nil, 'timeout')(coroutine.yield())
  expect.passed(start, 2)
end)

test('join, channels and semaphores in generators', function()
  local ch, sem = coop.channel(), coop.semaphore(0)
  spawn(function() sleep(1) ch:put('x') sleep(1) sem:release() end)
  local gen = coroutine.wrap(function()
    coroutine.yield(ch:get())
    coroutine.yield(sem:acquire())
    coroutine.yield(coop.join(spawn(function() sleep(1) return 'joined' end)))
  end)
  eq('x')(gen())
  eq(true)(gen())
  eq(true, 'joined')(gen())
end)

expect.done()
