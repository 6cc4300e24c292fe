-- Datagram sockets.
local expect = require 'expect'
local eq, test, raises = expect.eq, expect.test, expect.raises

local function bound() return assert(net.udp('127.0.0.1:0')) end

test('there and back', function()
  local a <close> = bound()
  local b <close> = bound()
  eq(true)(a:sendto('ping', b:localaddr()))
  local data, from = b:recvfrom(5)
  eq('ping', a:localaddr())(data, from)
  eq(true)(b:send(from, 'pong'))
  eq('pong', b:localaddr())(a:recvfrom(5))
end)

test('an address is a string and a key', function()
  local a <close> = bound()
  local b <close> = bound()
  local seen = {}
  for i = 1, 3 do a:sendto('x' .. i, b:localaddr()) end
  for _ = 1, 3 do local _, from = b:recvfrom(5) seen[from] = (seen[from] or 0) + 1 end
  eq(3)(seen[a:localaddr()])
  assert(a:localaddr():match('^127%.0%.0%.1:%d+$'))
end)

test('IPv6', function()
  local a = net.udp('[::1]:0')
  if not a then return end -- this machine has none
  local b <close> = assert(net.udp('[::1]:0'))
  a:sendto('six', b:localaddr())
  eq('six', a:localaddr())(b:recvfrom(5))
  assert(a:localaddr():match('^%[::1%]:%d+$'))
  a:close()
end)

test('unix', function()
  local path = os.tmpname()
  os.remove(path)
  local a <close> = assert(net.udp('unix:' .. path))
  local b <close> = assert(net.udp('unix:' .. path .. 'b'))
  eq('unix:' .. path)(a:localaddr())
  b:sendto('near', a:localaddr())
  eq('near', 'unix:' .. path .. 'b')(a:recvfrom(5))
end)

test('empty ones, large ones, ones with any byte', function()
  local a <close> = bound()
  local b <close> = bound()
  local all = {}
  for i = 0, 255 do all[#all + 1] = string.char(i) end
  for _, data in ipairs { '', table.concat(all), ('x'):rep(9000), ('y'):rep(65507) } do
    eq(true)(a:sendto(data, b:localaddr()))
    eq(data)((b:recvfrom(5)))
  end
  -- what does not fit into a datagram is refused, at once or when it is sent; the socket lives on
  a:sendto(('z'):rep(70000), b:localaddr())
  coop.yield()
  a:sendto('after', b:localaddr())
  eq('after')((b:recvfrom(5)))
end)

test('a time-out', function()
  local a <close> = bound()
  local start = coop.now()
  eq(nil, 'timeout')(a:recvfrom(0.1))
  expect.passed(start, 0.1)
  eq(nil, 'timeout')(a:recvfrom(0))
end)

test('a hundred in a row keep their order', function()
  local a <close> = bound()
  local b <close> = bound()
  for i = 1, 100 do a:sendto(tostring(i), b:localaddr()) end
  for i = 1, 100 do eq(tostring(i))((b:recvfrom(5))) end
end)

test('several wait on one socket: each datagram wakes one', function()
  local a <close> = bound()
  local b <close> = bound()
  local got = {}
  for _ = 1, 5 do spawn(function() local data = b:recvfrom(5) got[#got + 1] = data end) end
  coop.yield()
  for i = 1, 5 do a:sendto(tostring(i), b:localaddr()) end
  while #got < 5 do sleep(0.01) end
  table.sort(got)
  eq('1 2 3 4 5')(table.concat(got, ' '))
end)

test('close wakes who waits', function()
  local a = bound()
  local co = spawn(function() return a:recvfrom() end)
  coop.yield()
  a:close()
  eq(true, nil, 'closed')(coop.join(co))
  eq(nil, 'closed')(a:recvfrom())
  eq(nil, 'closed')(a:sendto('x', '127.0.0.1:9'))
  eq(nil, 'closed')(a:localaddr())
  a:close()
end)

test('cancel of one that waits: the next one gets the datagram', function()
  local a <close> = bound()
  local b <close> = bound()
  local co = spawn(function() b:recvfrom() end)
  coop.yield()
  coop.cancel(co)
  a:sendto('x', b:localaddr())
  eq('x')((b:recvfrom(5)))
end)

test('connected: send needs no address, a refusal is heard of at once', function()
  local gone = bound()
  local addr = gone:localaddr()
  gone:close()
  local a <close> = assert(net.udp())
  eq(true)(a:connect(addr))
  a:send('anybody?')
  local start = coop.now()
  local data, why = a:recvfrom(5)
  eq(nil, 'Connection refused')(data, why)
  assert(coop.now() - start < 3)
  -- and the socket is as good as before
  eq(nil, 'timeout')(a:recvfrom(0.05))
end)

test('connected: strangers are not heard', function()
  local a <close> = bound()
  local friend <close> = bound()
  local stranger <close> = bound()
  a:connect(friend:localaddr())
  stranger:sendto('no', a:localaddr())
  friend:sendto('yes', a:localaddr())
  eq('yes')((a:recvfrom(5)))
  eq(nil, 'timeout')(a:recvfrom(0.05))
end)

test('one that is not bound', function()
  local b <close> = bound()
  local a <close> = assert(net.udp())
  a:sendto('x', b:localaddr())
  local _, from = b:recvfrom(5)
  b:sendto('y', from)
  eq('y')((a:recvfrom(5)))
end)

test('wrong addresses and arguments', function()
  raises('nonsense', net.udp, 'nonsense')
  raises("'127.0.0.1:99999'", net.udp, '127.0.0.1:99999')
  raises('udp address', net.udp, 'tcp:127.0.0.1:1')
  local a <close> = bound()
  raises('bad argument', a.sendto, a, 'x', 'y z')
  raises('bad argument', a.sendto, a, {}, '127.0.0.1:9')
  local taken, why = net.udp(a:localaddr())
  eq(nil, 'Address already in use')(taken, why)
  eq(nil)((net.udp('192.0.2.1:5')))
end)

test('in a generator', function()
  local a <close> = bound()
  local b <close> = bound()
  local datagrams = coroutine.wrap(function() while true do coroutine.yield((b:recvfrom(5))) end end)
  spawn(function() for i = 1, 3 do sleep(0.01) a:sendto('g' .. i, b:localaddr()) end end)
  eq('g1', 'g2', 'g3')(datagrams(), datagrams(), datagrams())
end)

test('one that nobody holds is closed', function()
  local addr
  do local a = bound() addr = a:localaddr() end
  collectgarbage() collectgarbage()
  local b <close> = assert(net.udp(addr))
end)

expect.done()
