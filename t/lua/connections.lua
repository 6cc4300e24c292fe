-- The module net: addresses, connections, listeners; over IPv4, IPv6 and unix sockets. In real time; arg[1] is a directory for files.
local expect = require 'expect'
local eq, test, raises = expect.eq, expect.test, expect.raises

local dir = arg[1]

-- a listener, and both ends of a connection to it
local function pair(addr)
  local l = assert(net.listen(addr or '127.0.0.1:0'))
  local accepted = spawn(function() return assert(l:accept()) end)
  local a = assert(net.connect(l:localaddr()))
  local _, b = coop.join(accepted)
  return a, b, l
end

local function close(...)
  for _, x in ipairs { ... } do x:close() end
end

-- --- addresses ---

test('addresses: one way to write each, that can be passed back', function()
  for bind, pattern in pairs {
    ['127.0.0.1:0'] = '^127%.0%.0%.1:%d+$', ['[::1]:0'] = '^%[::1%]:%d+$', ['[0:0::0:1]:0'] = '^%[::1%]:%d+$', ['udp:127.0.0.1:0'] = '^127%.0%.0%.1:%d+$',
  } do
    local s <close> = assert(net.udp(bind))
    assert(s:localaddr():find(pattern), s:localaddr())
    local taken, why = net.udp(s:localaddr())
    eq(nil, 'Address already in use')(taken, why)
  end
end)

test('addresses that are none are errors that quote them', function()
  for _, bad in ipairs { '', 'x', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '127.0.0.1:-1', '127.0.0.1:1x', '::1:5060', '[::1]', '[::1:5060', '1.2.3:4', '1.2.3.4.5:6',
    'localhost:80', 'unix:', '127.0.0.1:1\0' } do
    raises("'" .. bad:gsub('%z.*', ''), net.udp, bad)
    raises("'" .. bad:gsub('%z.*', ''), net.listen, bad)
  end
  raises('not a udp address', net.udp, 'tcp:127.0.0.1:0')
  raises('not a tcp address', net.listen, 'udp:127.0.0.1:0')
  raises('not a tcp address', net.connect, 'udp:127.0.0.1:1')
  raises('string expected', net.listen)
  raises('string expected', net.connect)
  raises('string expected', net.udp, {})
  raises('unix', net.udp, 'unix:/' .. ('x'):rep(200))
  local s <close> = net.udp('127.0.0.1:0')
  raises("'nowhere'", s.sendto, s, 'x', 'nowhere')
  raises("'nowhere'", s.connect, s, 'nowhere')
end)

test('an address that is not this machine\'s', function()
  eq(nil, 'Cannot assign requested address')(net.udp('192.0.2.1:5060'))
  eq(nil, 'Cannot assign requested address')(net.listen('192.0.2.1:5060'))
end)

-- --- connections ---

test('lines, numbers, counts and the rest, as io.read has them', function()
  local a, b, l = pair()
  b:write('one\n', 'two\r\n', '\n', 42, ' 0x1F -1.5e3\n', 'abcdef', 'rest\nof it')
  b:close()
  eq('one')(a:read())
  eq('two\r\n')(a:read('L'))
  eq('')(a:read('l'))
  eq(42, 31, -1500.0)(a:read('n', 'n', 'n'))
  eq('')(a:read('*l'))
  eq('abc', 'de')(a:read(3, 2))
  eq('f')(a:read(1))
  eq('rest')(a:read())
  eq('of it')(a:read('L'))
  eq(nil)(a:read())
  eq(nil)(a:read('L'))
  eq(nil)(a:read(1))
  eq('')(a:read('a'))
  eq(nil)(a:read('n'))
  eq(nil)(a:readsome())
  close(a, l)
end)

test('read: a number ends where io.read ends it', function()
  local name = dir .. '/numbers'
  for _, text in ipairs { '10ms', '1.2.3', '7,8', '-', '- 9', '.', '.5', '5.', '+.5e-2x', '1e5', '1e', '1e+', '1E5.5', '0x', '0x1F', '0xAp-1!', '0x.8', '0xg', '00x1', '.e1', 'x',
    ' \t\n 3 4', '1_000', '0x1p4p', '9007199254740993', '1e400', 'inf', 'nan', ('1'):rep(199), ('1'):rep(200), ('1'):rep(250), '--1', '0b1', '1\0002', '' } do
    local a, b, l = pair()
    b:write(text)
    b:close()
    local f = io.open(name, 'w+')
    f:write(text)
    f:seek('set')
    eq(f:read('n'))(a:read('n'))
    eq(f:read('a'))(a:read('a'))
    f:close()
    close(a, l)
  end
end)

test('read: what comes in pieces', function()
  local a, b, l = pair()
  local writer = spawn(function()
    for c in ('a line that comes slowly\n12 345678'):gmatch('.') do b:write(c) sleep(0.0005) end
    b:close()
  end)
  eq('a line that comes slowly', 12, ' 3456', '78')(a:read('l', 'n', 5, 'a'))
  coop.join(writer)
  close(a, l)
end)

test('read: several formats stop at the first that fails', function()
  local a, b, l = pair()
  b:write('1\nx')
  b:shutdown()
  eq('1', 'x', nil)(a:read('l', 'l', 'l', 'l'))
  eq(nil)(a:read('n', 'l'))
  close(a, b, l)
end)

test('read: wrong formats', function()
  local a, b, l = pair()
  raises('invalid format', a.read, a, 'x')
  raises('invalid format', a.read, a, '')
  raises('invalid format', a.read, a, 'l', 'q')
  raises('must not be negative', a.read, a, -1)
  raises('number has no integer representation', a.read, a, 1.5)
  raises('string expected', a.read, a, {})
  raises('at least one byte', a.readsome, a, 0)
  close(a, b, l)
end)

test('read(0): at the end, or not', function()
  local a, b, l = pair()
  b:write('x')
  eq('')(a:read(0))
  eq('x')(a:read(1))
  b:close()
  eq(nil)(a:read(0))
  close(a, l)
end)

test('a time-out loses nothing of what came', function()
  local a, b, l = pair()
  a:settimeout(0.02)
  b:write('half a ')
  local start = coop.now()
  eq(nil, 'timeout')(a:read())
  expect.passed(start, 0.02)
  eq(nil, 'timeout')(a:read(100))
  eq(nil, 'timeout')(a:read('a'))
  b:write('line\nnext')
  eq('half a line')(a:read())
  eq('next')(a:readsome())
  eq(nil, 'timeout')(a:readsome())
  a:settimeout()
  spawn(function() sleep(0.05) b:write('.') end)
  eq('.')(a:readsome())
  raises('number expected', a.settimeout, a, 'x')
  close(a, b, l)
end)

test('readsome: at least a byte, at most what is asked for', function()
  local a, b, l = pair()
  b:write('abcdef')
  eq('ab')(a:readsome(2))
  eq('cdef')(a:readsome())
  b:close()
  eq(nil)(a:readsome())
  close(a, l)
end)

test('lines: each, with ends, by count; failures are raised', function()
  local a, b, l = pair()
  b:write('1\n2\n\n3')
  b:shutdown()
  local got = {}
  for line in a:lines() do got[#got + 1] = line end
  eq('1,2,,3')(table.concat(got, ','))
  b:close() a:close()
  a, b = net.connect(l:localaddr()), l:accept()
  b:write('abcdefg')
  b:close()
  got = {}
  for x, y in a:lines(2, 1) do got[#got + 1] = x .. '-' .. tostring(y) end
  eq('ab-c de-f g-nil')(table.concat(got, ' '))
  a:close()
  raises('closed', function() for _ in a:lines() do end end)
  raises('invalid format', a.lines, a, 'q')
  l:close()
end)

test('write: chains, takes strings and numbers, waits for the peer to read', function()
  local a, b, l = pair()
  assert(a:write('a', 1, 2.5):write('\n') == a)
  eq('a12.5')(b:read())
  raises('string expected', a.write, a, {})
  raises('string expected', a.write, a, 'x', nil)
  local big = ('0123456789abcdef'):rep(1 << 18)   -- 4 MiB
  local done = false
  local writer = spawn(function() assert(a:write(big)) done = true a:shutdown() end)
  sleep(0.02)
  eq(false)(done)
  local read = b:read('a')
  eq(#big)(#read)
  assert(read == big)
  eq(true)(coop.join(writer))
  eq(true)(done)
  -- what a half closed connection can still do
  eq(nil)(b:read())
  b:write('bye')
  eq('bye')(a:read(3))
  eq(nil, 'Broken pipe')(a:write('x'))
  close(a, b, l)
end)

test('write: a time-out when the peer does not read', function()
  local a, b, l = pair()
  a:settimeout(0.02)
  local big = ('x'):rep(8 << 20)
  eq(nil, 'timeout')(a:write(big))
  close(a, b, l)
end)

test('many write, one reads: what each writes stays whole', function()
  local a, b, l = pair()
  local writers = {}
  for i = 1, 20 do
    writers[i] = spawn(function() for k = 1, 50 do a:write(('%d %d %s\n'):format(i, k, ('y'):rep(100))) end end)
  end
  local nth = {}
  for _ = 1, 1000 do
    local i, k, pad = b:read():match('^(%d+) (%d+) (y+)$')
    eq(100)(#pad)
    nth[i] = (nth[i] or 0) + 1
    eq(nth[i])(tonumber(k))
  end
  for i = 1, 20 do coop.join(writers[i]) end
  close(a, b, l)
end)

test('several coroutines read in the order in which they asked, each what it asked for', function()
  local a, b, l = pair()
  local readers = {}
  for i = 1, 4 do
    readers[i] = spawn(function()
      if i == 2 then return a:read('l', 'n', 'l') end
      if i == 3 then return a:readsome(3) end
      return a:read()
    end)
    coop.yield()
  end
  b:write('one\ntwo\n')
  sleep(0.01)
  b:write('17 x\nfour')
  sleep(0.01)
  b:write('five\n')
  eq(true, 'one')(coop.join(readers[1]))
  eq(true, 'two', 17, ' x')(coop.join(readers[2]))
  eq(true, 'fou')(coop.join(readers[3]))
  eq(true, 'rfive')(coop.join(readers[4]))
  close(a, b, l)
end)

test('a reader that gives up, or is cancelled, leaves what has come to the next', function()
  local a, b, l = pair()
  b:write('x\ny\nz\n')
  sleep(0.01)
  local first = spawn(function() return a:read(100) end)
  coop.yield()
  local second = spawn(function() return a:read() end)
  coop.yield()
  coop.cancel(first)
  eq(true, 'x')(coop.join(second))
  a:settimeout(0.02)
  first = spawn(function() return a:read(100) end)
  coop.yield()
  a:settimeout(nil)
  second = spawn(function() return a:read() end)
  eq(true, 'y')(coop.join(second))
  eq(true, nil, 'timeout')(coop.join(first))
  -- one that was woken, and cancelled before it ran
  eq('z')(a:read())
  first = spawn(function() return a:read() end)
  coop.yield()
  second = spawn(function() return a:read() end)
  coop.yield()
  b:write('last\n')
  local third = spawn(function()
    for _ = 1, 1000 do
      coop.yield()
      coop.cancel(first)
    end
  end)
  local _, line = coop.join(second, 5)
  if line ~= 'last' then
    -- the first one had it before
    eq(true, 'last')(coop.join(first))
    b:close()
    eq(true, nil)(coop.join(second))
  end
  coop.join(third)
  close(a, b, l)
end)

test('a thousand readers of one connection, who come and go', function()
  local a, b, l = pair()
  local got, lines = 0, 0
  local g <close> = coop.group()
  for i = 1, 1000 do
    g:spawn(function()
      a:settimeout(i % 3 == 0 and 0.01 or nil)
      if a:read() then got = got + 1 end
    end)
  end
  coop.yield()
  sleep(0.05)
  for _ = 1, 1000 do b:write(('%d\n'):format(lines)) lines = lines + 1 end
  g:wait()
  a:settimeout(0.5)
  while got < 1000 and a:read() do got = got + 1 end
  eq(1000)(got)
  close(a, b, l)
end)

test('close wakes readers and writers; what is closed says so', function()
  local a, b, l = pair()
  local reader = spawn(function() return a:read() end)
  local writer = spawn(function() return a:write(('x'):rep(8 << 20)) end)
  sleep(0.01)
  a:close()
  eq(true, nil, 'closed')(coop.join(reader))
  eq(true, nil, 'closed')(coop.join(writer))
  a:close()
  eq(nil, 'closed')(a:read())
  eq(nil, 'closed')(a:readsome())
  eq(nil, 'closed')(a:write('x'))
  eq(nil, 'closed')(a:shutdown())
  eq(nil, 'closed')(a:peeraddr())
  eq(nil, 'closed')(a:localaddr())
  assert(tostring(a):find('^net.conn: '))
  close(b, l)
end)

test('the addresses of both ends', function()
  for _, bind in ipairs { '127.0.0.1:0', '[::1]:0', 'tcp:127.0.0.1:0' } do
    local a, b, l = pair(bind)
    eq(l:localaddr())(a:peeraddr())
    eq(b:peeraddr())(a:localaddr())
    close(a, b, l)
  end
end)

test('unix sockets: a file that nobody listens on is replaced, one in use is not', function()
  local addr = 'unix:' .. dir .. '/sock'
  for _ = 1, 2 do
    local a, b, l = pair(addr)
    a:write('x\n')
    eq('x')(b:read())
    eq(addr)(a:peeraddr())
    eq(addr)(l:localaddr())
    eq(nil, 'Address already in use')(net.listen(addr))
    close(a, b, l)
  end
  eq(nil, 'No such file or directory')(net.connect('unix:' .. dir .. '/nowhere'))
end)

test('connect: refused, by address, by the name localhost, and not a port', function()
  local l = net.listen('127.0.0.1:0')
  local addr = l:localaddr()
  local named = assert(net.connect((addr:gsub('127.0.0.1', 'LocalHost'))))
  local prefixed = assert(net.connect('tcp:' .. addr))
  named:close() prefixed:close()
  l:close()
  eq(nil, 'Connection refused')(net.connect(addr))
  eq(nil, 'Connection refused')(net.connect((addr:gsub('127.0.0.1', 'localhost')), 5))
  raises("bad port: 'localhost:http'", net.connect, 'localhost:http')
  raises("not HOST:PORT: 'localhost'", net.connect, 'localhost')
  raises("not HOST:PORT: 'a b:80'", net.connect, 'a b:80')
end)

test('connect: a time-out while the listener\'s queue is full', function()
  local l = net.listen('127.0.0.1:0')
  local conns = {}
  local start = coop.now()
  local c, why = net.connect(l:localaddr(), 0)
  assert(c or why == 'timeout', why)
  if c then c:close() end
  l:close()
  expect.passed(start, 0)
end)

test('cancel in the middle of a connect, a read, an accept', function()
  local l = net.listen('127.0.0.1:0')
  local acceptor = spawn(function() return l:accept() end)
  coop.yield()
  coop.cancel(acceptor)
  local c = net.connect(l:localaddr())
  local s = l:accept(5)
  assert(c and s)
  local reader = spawn(function() local x <close> = c return c:read() end)
  coop.yield()
  coop.cancel(reader)
  eq(nil, 'closed')(c:read())
  eq(nil)(s:read())
  local connecting = spawn(function() return net.connect(l:localaddr()) end)
  coop.yield()
  coop.cancel(connecting)
  close(s, l)
end)

-- --- listeners ---

test('accept: time-outs, in order, after close', function()
  local l = net.listen('127.0.0.1:0')
  local start = coop.now()
  eq(nil, 'timeout')(l:accept(0.02))
  expect.passed(start, 0.02)
  eq(nil, 'timeout')(l:accept(0))
  local log = {}
  local waiting = {}
  for i = 1, 3 do waiting[i] = spawn(function() local c <close> = l:accept(5) local line = c:read() log[#log + 1] = i .. line end) end
  coop.yield()
  for i = 1, 3 do
    local c <close> = net.connect(l:localaddr())
    c:write(i, '\n')
    sleep(0.01)
  end
  for i = 1, 3 do coop.join(waiting[i]) end
  eq('11 22 33')(table.concat(log, ' '))
  local co = spawn(function() return l:accept() end)
  coop.yield()
  l:close()
  l:close()
  eq(true, nil, 'closed')(coop.join(co))
  eq(nil, 'closed')(l:accept())
  eq(nil, 'closed')(l:localaddr())
  assert(tostring(l):find('^net.listener: '))
end)

test('each: a coroutine for each connection, until it is closed', function()
  local l = net.listen('127.0.0.1:0')
  local served = 0
  local server = spawn(function()
    for conn in l:each() do
      spawn(function()
        local c <close> = conn
        for line in c:lines('L') do c:write(line:upper()) end
        served = served + 1
      end)
    end
    return 'over'
  end)
  local clients = {}
  for i = 1, 100 do
    clients[i] = spawn(function()
      local c <close> = assert(net.connect(l:localaddr()))
      for k = 1, 5 do c:write('line ', i, ' ', k, '\n') eq('LINE ' .. i .. ' ' .. k)(c:read()) end
    end)
  end
  for i = 1, 100 do eq(true)(coop.join(clients[i])) end
  sleep(0.05)
  l:close()
  eq(true, 'over')(coop.join(server))
  eq(100)(served)
end)

test('a client that resets its connection harms nobody', function()
  local l = net.listen('127.0.0.1:0')
  for _ = 1, 20 do
    local c = net.connect(l:localaddr())
    local s = l:accept(5)
    s:write('never read')
    sleep(0.001)
    c:close()                    -- with bytes unread: a reset
    local _, why = s:read('a')
    assert(why == 'Connection reset by peer' or why == nil, why)
    s:write('x')
    s:close()
  end
  local c <close> = net.connect(l:localaddr())
  local s <close> = l:accept(5)
  s:write('alive\n')
  eq('alive')(c:read())
  l:close()
end)

expect.done()
