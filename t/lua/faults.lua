-- Peers that send too much, too little, or do not read. In real time.
local expect = require 'expect'
local eq, test = expect.eq, expect.test

-- what the sanitizers hold on to is none of ours
local slack = io.open('/proc/self/maps'):read('a'):find('libasan') and 2000 or 0

-- both ends of a connection, and what closes both
local function pair()
  local l <close> = assert(net.listen('127.0.0.1:0'))
  local accepted = spawn(function() return assert(l:accept()) end)
  local a = assert(net.connect(l:localaddr()))
  local _, b = coop.join(accepted)
  return a, b, setmetatable({}, { __close = function() a:close() b:close() end })
end

local function peak()
  local f <close> = io.open('/proc/self/status')
  return tonumber(f:read('a'):match('VmHWM:%s*(%d+)')) / 1024
end

-- seconds of CPU for a line of so many MiB
local function long_line(mib, format)
  local a, b, _ <close> = pair()
  local chunk = ('x'):rep(1 << 20)
  local began = os.clock()
  local writer = spawn(function()
    for _ = 1, mib do assert(b:write(chunk)) end
    b:write('\nnext\n')
    b:shutdown()
  end)
  local line = a:read(format)
  local took = os.clock() - began
  eq((mib << 20) + (format == 'L' and 1 or format == 'a' and 6 or 0))(#line)
  if format ~= 'a' then eq('next')(a:read()) end
  coop.join(writer)
  return took
end

test('a line that does not end is too long, and what came is still there', function()
  local a, b, _ <close> = pair()
  a:setlimit(1000)
  b:write(('x'):rep(1000), '\n', ('y'):rep(1001), '\nz\n')
  eq(('x'):rep(1000))(a:read())
  eq(nil, 'too long')(a:read())
  eq(nil, 'too long')(a:read('L'))
  expect.raises('too long', function() for _ in a:lines() do end end)
  eq(('y'):rep(1001) .. '\n')(a:read(1002))
  eq('z')(a:read())
  -- also one that comes bit by bit, and all of it
  local writer = spawn(function() while b:write('+') do coop.yield() end end)
  eq(nil, 'too long')(a:read())
  coop.cancel(writer)
  eq(nil, 'too long')(a:read('a'))
  a:setlimit()
  b:shutdown()
  assert(#a:read('a') >= 1000)
  expect.raises('at least one byte', a.setlimit, a, 0)
  expect.raises('number expected', a.setlimit, a, 'x')
end)

test('white space that does not end is no memory, and no number a long one', function()
  local a, b, _ <close> = pair()
  local space, before = (' '):rep(1 << 20), peak()
  a:setlimit(1000)
  spawn(function() for _ = 1, 64 do b:write(space) end b:write('42 ', ('7'):rep(1 << 20)) b:shutdown() end)
  eq(42)(a:read('n'))
  eq(nil)(a:read('n'))
  assert(peak() < before + 24 + slack, peak() - before)
end)

test('who never reads: a time-out each, and what waits for him is bounded', function()
  local a, b, _ <close> = pair()
  local text = ('x'):rep(1 << 20)
  local before = peak()
  a:settimeout(0.01)
  repeat local ok, why = a:write(text) until not ok and assert(why == 'timeout', why)
  for _ = 1, 50 do eq(nil, 'timeout')(a:write(text)) end
  assert(peak() < before + 24 + slack, peak() - before)
  -- what was kept comes, whole, then goes on
  a:settimeout(5)
  local reader = spawn(function() local n = 0 for s in function() return b:readsome() end do n = n + #s end return n end)
  assert(a:write('end'))
  a:shutdown()
  local _, n = coop.join(reader)
  eq(3)(n % #text)
end)

test('one byte at a time holds up nobody else', function()
  local a, b, _ <close> = pair()
  local c, d, _ <close> = pair()
  local slow = spawn(function() for ch in ('slowly\n'):gmatch('.') do b:write(ch) sleep(0.02) end end)
  local reader = spawn(function() return a:read() end)
  for i = 1, 100 do
    d:write(i, '\n')
    eq(tostring(i))(c:read())
  end
  eq('suspended')(coroutine.status(reader))
  eq(true, 'slowly')(coop.join(reader))
  coop.join(slow)
end)

test('a peer that half-closes is answered; one that resets is an error, for readers and writers', function()
  local a, b = pair()
  a:write('question')
  a:shutdown()
  eq('question')(b:read('a'))
  b:write('answer')
  b:close()
  eq('answer')(a:read('a'))
  a:close()
  a, b = pair()
  local reader = spawn(function() return b:read() end)
  b:write('never read')
  sleep(0.01)
  a:close()
  eq(true, nil, 'Connection reset by peer')(coop.join(reader))
  eq(nil, 'Connection reset by peer')(b:read())
  local _, why = b:write('x')
  assert(why == 'Broken pipe' or why == 'Connection reset by peer', why)
  b:close()
end)

test('a line of 100 MiB takes four times as long as one of 25', function()
  for _, format in ipairs { 'l', 'L', 'a' } do
    local short = long_line(25, format)
    local long = long_line(100, format)
    assert(long < 8 * short + 0.1, ('%s: %.3f s, %.3f s'):format(format, short, long))
  end
  collectgarbage()
  assert(peak() < 500 + slack, peak())
end)

expect.done()
