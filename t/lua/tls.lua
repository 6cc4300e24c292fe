-- TLS between our own ends. The argument: a directory with ca.pem, and NAME.pem and NAME.key of server (localhost, 127.0.0.1), other
-- (other.example), expired, and client, all signed by the CA; lone is signed by itself.
local expect = require 'expect'
local eq, test = expect.eq, expect.test
local dir = arg[1]
local ca = dir .. '/ca.pem'

local function pem(name, more)
  local t = { cert = dir .. '/' .. name .. '.pem', key = dir .. '/' .. name .. '.key' }
  for k, v in pairs(more or {}) do t[k] = v end
  return t
end

-- a connection in plain text
local function pair()
  local l <close> = assert(net.listen('127.0.0.1:0'))
  local client = assert(net.connect(l:localaddr(), 5))
  return client, assert(l:accept(5))
end

-- the same with TLS
local function secure_pair(more)
  local a, b = pair()
  local server = spawn(function() return b:starttls(pem('server', { server = true })) end)
  assert(a:starttls { name = 'localhost', ca = ca })
  eq(true, true)(coop.join(server, 5))
  return a, b
end

local function closed(...)
  for _, c in ipairs { ... } do c:close() end
end

-- server(options): lines come back in capitals; a failed connection says why into server.said
local function start_server(options)
  local self = { said = coop.channel(100) }
  self.listener = assert(net.listen('tls:127.0.0.1:0', options))
  self.addr = self.listener:localaddr()
  self.port = self.addr:match(':(%d+)$')
  self.task = spawn(function()
    for conn in self.listener:each() do
      spawn(function()
        while true do
          local line, e = conn:read()
          if e then self.said:put(e) end
          if not line then break end
          conn:write(line:upper(), '\n')
        end
        conn:close()
      end)
    end
  end)
  return setmetatable(self, { __close = function()
    self.listener:close()
    coop.join(self.task)
    while coop.count() > 2 do sleep(0.001) end
  end })
end

test('a server by its listener', function()
  local server <close> = start_server(pem 'server')
  for _, where in ipairs { 'localhost:' .. server.port, server.addr } do
    local c <close> = assert(net.connect('tls:' .. where, { ca = ca, timeout = 5 }))
    eq(c)(c:write('hello\n'))
    eq('HELLO')(c:read())
    eq(server.addr)(c:peeraddr())
    local info = c:tls()
    eq('TLSv1.3', 'CN=server', false, nil)(info.version, info.peer, info.resumed, info.alpn)
    eq('TLS_')(info.cipher:sub(1, 4))
  end
end)

test('a session that is resumed', function()
  local server <close> = start_server(pem 'server')
  for i = 1, 3 do
    local c <close> = assert(net.connect('tls:localhost:' .. server.port, { ca = ca, alpn = { 'again' }, timeout = 5 }))
    eq('HELLO')(c:write('hello\n'):read())
    eq(i > 1, 'CN=server')(c:tls().resumed, c:tls().peer)
  end
  -- other rules, another certificate asked for: from the beginning
  local c <close> = assert(net.connect('tls:localhost:' .. server.port, { verify = false }))
  eq(false)(c:tls().resumed)
end)

test('whom a client does not believe', function()
  local function refused(name, options, why, heard)
    local server <close> = start_server(pem(name))
    local c, e = net.connect('tls:localhost:' .. server.port, options)
    eq(nil, why)(c, e)
    eq(heard)(server.said:get(5))
  end
  local failed = 'certificate verify failed: '
  refused('server', { ca = ca, name = 'example.org' },
    failed .. "hostname mismatch, certificate is not valid for 'example.org'", 'refused by the TLS peer: bad certificate')
  refused('other', { ca = ca },
    failed .. "hostname mismatch, certificate is not valid for 'localhost'", 'refused by the TLS peer: bad certificate')
  refused('expired', { ca = ca }, failed .. 'certificate has expired', 'refused by the TLS peer: certificate expired')
  refused('lone', { ca = ca }, failed .. 'self-signed certificate', 'refused by the TLS peer: unknown ca')
  refused('server', { timeout = 5 }, failed .. 'unable to get local issuer certificate', 'refused by the TLS peer: unknown ca')
  refused('server', 5, failed .. 'unable to get local issuer certificate', 'refused by the TLS peer: unknown ca')
  local server <close> = start_server(pem 'lone')
  net.connect('tls:' .. server.addr, { verify = false }):close()
  net.connect('tls:localhost:' .. server.port, { ca = dir .. '/lone.pem' }):close()
end)

test('whom a server does not believe', function()
  local server <close> = start_server(pem('server', { ca = ca }))
  local to = 'tls:localhost:' .. server.port
  local c = assert(net.connect(to, pem('client', { ca = ca })))
  eq('HI')(c:write('hi\n'):read())
  c:close()
  -- in TLS 1.3 a client is through before the server has seen its certificate
  c = assert(net.connect(to, { ca = ca }))
  eq(nil, 'refused by the TLS peer: certificate required')(c:read())
  eq('certificate verify failed: the client sent none')(server.said:get(5))
  c:close()
  c = assert(net.connect(to, pem('lone', { ca = ca })))
  eq(nil, 'refused by the TLS peer: unknown ca')(c:read())
  eq('certificate verify failed: self-signed certificate')(server.said:get(5))
  c:close()
end)

test('clients with and without a certificate', function()
  local l <close> = assert(net.listen('tls:127.0.0.1:0', pem('server', { ca = ca, verify = 'optional' })))
  for _, options in ipairs { pem('client', { verify = false }), { verify = false } } do
    local server = spawn(function()
      local conn <close> = l:accept()
      return conn:tls().peer or 'nobody'
    end)
    net.connect('tls:' .. l:localaddr(), options):close()
    eq(true, options.cert and 'CN=client' or 'nobody')(coop.join(server))
  end
end)

test('starttls', function()
  local a, b = pair()
  eq(nil, 'not a TLS connection')(a:tls())
  local server = spawn(function()
    eq('STARTTLS')(b:read())
    b:write('220 go on\n')
    eq(true)(b:starttls(pem('server', { server = true, alpn = { 'two', 'one' } })))
    eq('EHLO')(b:read())
    b:write('250 fine\n')
    eq(nil)(b:read())
    b:close()
    return 'bye'
  end)
  eq('220 go on')(a:write('STARTTLS\n'):read())
  eq(true)(a:starttls { name = 'localhost', ca = ca, alpn = { 'one', 'two' }, timeout = 5 })
  eq('two')(a:tls().alpn)
  eq('250 fine')(a:write('EHLO\n'):read())
  eq(nil, 'TLS has begun on this connection already')(a:starttls { name = 'localhost' })
  eq(true)(a:shutdown())
  eq(nil)(a:read())
  eq(true, 'bye')(coop.join(server))
  eq(nil, 'closed')(b:starttls {})
  eq(nil, 'closed')(b:tls())
  a:close()
end)

test('starttls without a name: the address is verified', function()
  local a, b = pair()
  local server = spawn(function() return b:starttls(pem('other', { server = true })) end)
  eq(nil, "certificate verify failed: hostname mismatch, certificate is not valid for '127.0.0.1'")(a:starttls { ca = ca })
  eq(true, nil, 'refused by the TLS peer: bad certificate')(coop.join(server))
  closed(a, b)
end)

test('plain text from before TLS', function()
  local a, b = pair()
  a:write('STARTTLS\nMAIL FROM:<forger@example.org>\n')
  eq('STARTTLS')(b:read())
  eq(nil, 'plain text came in before TLS and was not read: it may have been injected')(
    b:starttls(pem('server', { server = true })))
  -- nothing has changed: whoever wants to can look at it
  eq('MAIL FROM:<forger@example.org>')(b:read())
  closed(a, b)
  -- what comes after is taken for TLS, and is none
  a, b = pair()
  a:write('STARTTLS\n')
  eq('STARTTLS')(b:read())
  a:write('MAIL FROM:<forger@example.org>\n')
  eq(nil, 'not a TLS peer')(b:starttls(pem('server', { server = true })))
  eq(nil, 'not a TLS peer')(b:read())
  eq(nil, 'not a TLS peer')(b:write('x'))
  closed(a, b)
end)

test('a peer that is silent in the handshake', function()
  local l <close> = assert(net.listen('127.0.0.1:0'))
  local start = coop.now()
  eq(nil, 'timeout')(net.connect('tls:' .. l:localaddr(), { verify = false, timeout = 0.05 }))
  expect.passed(start, 0.05)
  local a, b = pair()
  start = coop.now()
  eq(nil, 'timeout')(a:starttls { verify = false, timeout = 0.05 })
  expect.passed(start, 0.05)
  closed(a, b)
  a, b = pair()
  a:settimeout(0.05)
  eq(nil, 'timeout')(a:starttls { verify = false })
  closed(a, b)
end)

test('a silent client delays nobody', function()
  local server <close> = start_server(pem 'server')
  local silent = {}
  for i = 1, 20 do silent[i] = assert(net.connect(server.addr)) end
  for _ = 1, 5 do
    local c <close> = assert(net.connect('tls:' .. server.addr, { ca = ca, timeout = 20 }))
    eq('QUICK')(c:write('quick\n'):read())
  end
  for i = 1, 20 do
    silent[i]:close()
    eq('closed by the peer in the TLS handshake')(server.said:get(5))
  end
end)

test('closed by another coroutine in the handshake', function()
  local a, b = pair()
  spawn(function() sleep(0.01) a:close() end)
  eq(nil, 'closed')(a:starttls { verify = false })
  eq(nil, 'closed by the peer in the TLS handshake')(b:starttls(pem('server', { server = true })))
  b:close()
end)

test('one coroutine reads', function()
  local a, b = pair()
  local reader = spawn(function() return a:read() end)
  coop.yield()
  eq(nil, 'another coroutine reads from this connection')(a:starttls { verify = false })
  b:close()
  eq(true, nil)(coop.join(reader))
  a:close()
end)

-- A connection through a proxy: what the server says goes through `change`, which gives
-- what is to be passed on, and true to cut the connection then.
local function through_proxy(server, change)
  local l <close> = assert(net.listen('127.0.0.1:0'))
  local proxy = spawn(function()
    local down <close> = assert(l:accept())
    local up <close> = assert(net.connect(server.addr))
    local other = spawn(function() for data in function() return down:readsome() end do up:write(data) end end)
    for data in function() return up:readsome() end do
      local last
      data, last = change(data)
      down:write(data)
      if last then break end
    end
    coop.cancel(other)
  end)
  local c, e = net.connect('tls:' .. l:localaddr(), { ca = ca, timeout = 5 })
  return c, e, proxy
end

-- a change that cuts the connection after n bytes
local function cut_after(n)
  return function(data)
    data = data:sub(1, n)
    n = n - #data
    return data, n == 0
  end
end

local cut_off = 'cut off by the peer: no end of TLS came before the end of the connection'

test('a connection that is cut', function()
  local server <close> = start_server(pem 'server')
  for n = 0, 400, 37 do
    local c, e, proxy = through_proxy(server, cut_after(n))
    if e ~= 'Connection reset by peer' then eq(nil, 'closed by the peer in the TLS handshake')(c, e) end
    coop.join(proxy)
  end
  local c, _, proxy = through_proxy(server, cut_after(4000))
  local got, why = {}, nil
  spawn(function() for i = 1, 1000 do if not c:write(('x'):rep(20), '\n') then break end end end)
  while true do
    local line
    line, why = c:read()
    if not line then break end
    got[#got + 1] = line
  end
  if why ~= 'Connection reset by peer' then eq(cut_off)(why) end
  assert(#got > 10)
  c:close()
  coop.join(proxy)
end)

test('a bit that is changed on the way', function()
  local server <close> = start_server(pem 'server')
  local changes = false
  local c, _, proxy = through_proxy(server, function(data)
    if not changes then return data end
    return data:sub(1, -2) .. string.char(data:byte(-1) ~ 1)
  end)
  eq('FINE')(c:write('fine\n'):read())
  changes = true
  eq(nil, 'TLS: decryption failed or bad record mac')(c:write('wrong\n'):read())
  eq(nil, 'TLS: decryption failed or bad record mac')(c:read())
  c:close()
  coop.join(proxy)
  eq('refused by the TLS peer: bad record mac')(server.said:get(5))
end)

test('garbage for a server', function()
  local server <close> = start_server(pem 'server')
  local hello = '\22\3\1'
  for _, garbage in ipairs { '\0', 'x', hello .. '\0\5\1\0\0\1\0', hello .. '\255\255' .. ('x'):rep(70000), hello .. '\64\0' .. ('\1'):rep(16384),
    '\21\3\3\0\2\2\40', '\20\3\3\0\1\1', '\23\3\3\0\1\1', ('\128'):rep(100) } do
    local c <close> = assert(net.connect(server.addr))
    c:write(garbage)
    c:shutdown()
    c:settimeout(5)
    local _, e = c:read 'a'
    assert(e ~= 'timeout')
    assert(server.said:get(5))
  end
  eq('HELLO')(assert(net.connect('tls:' .. server.addr, { ca = ca })):write('hello\n'):read())
end)

test('ten megabytes both ways at once', function()
  local a, b = secure_pair()
  local chunk, n = ('0123456789abcdef'):rep(65536), 10
  local function send(c) for _ = 1, n do assert(c:write(chunk)) end assert(c:shutdown()) end
  local function receive(c)
    local got, at = 0, 1
    for s in function() return c:readsome() end do
      for i = 1, #s, #s // 3 + 1 do assert(s:byte(i) == chunk:byte((got + i - 1) % #chunk + 1)) end
      got = got + #s
    end
    return got
  end
  local tasks = { spawn(send, a), spawn(send, b), spawn(receive, a), spawn(receive, b) }
  for i, task in ipairs(tasks) do
    if i <= 2 then eq(true)(coop.join(task)) else eq(true, n * #chunk)(coop.join(task)) end
  end
  closed(a, b)
end)

test('a line of many megabytes', function()
  local a, b = secure_pair()
  local line = ('y'):rep(3 << 20)
  local writer = spawn(function() a:write(line, '\n') a:close() end)
  eq(true)(b:read() == line)
  eq(nil)(b:read())
  coop.join(writer)
  b:close()
end)

test('a hundred clients at once', function()
  local server <close> = start_server(pem 'server')
  local g <close> = coop.group()
  for i = 1, 100 do
    g:spawn(function()
      local c <close> = assert(net.connect('tls:localhost:' .. server.port, { ca = ca, timeout = 60 }))
      for j = 1, 3 do
        c:write('client ', i, ' ', j, '\n')
        eq('CLIENT ' .. i .. ' ' .. j)(c:read())
      end
    end)
  end
  g:wait()
end)

test('a certificate that is renewed', function()
  local function copy(name)
    for _, ext in ipairs { 'pem', 'key' } do
      local from, to = assert(io.open(dir .. '/' .. name .. '.' .. ext)), assert(io.open('renewed.' .. ext, 'w'))
      to:write(from:read 'a')
      to:close()
      from:close()
    end
  end
  for _, name in ipairs { 'server', 'other', 'lone' } do
    copy(name)
    local a, b = pair()
    local server = spawn(function() return b:starttls { server = true, cert = 'renewed.pem', key = 'renewed.key' } end)
    assert(a:starttls { verify = false })
    eq(true, true)(coop.join(server))
    eq('CN=' .. name)(a:tls().peer)
    closed(a, b)
  end
end)

test('wrong arguments, and files that will not do', function()
  local l = 'tls:127.0.0.1:0'
  expect.raises("no such option: 'verfy'", net.connect, 'tls:x:1', { verfy = false })
  expect.raises("option 'verify' must be true, false or \"optional\"", net.connect, 'tls:x:1', { verify = 'yes' })
  expect.raises("option 'ca' must be a text", net.connect, 'tls:x:1', { ca = 5 })
  expect.raises("option 'timeout' must be a number of seconds", net.connect, 'tls:x:1', { timeout = -1 })
  expect.raises("option 'alpn' must be a list of texts", net.connect, 'tls:x:1', { alpn = { '' } })
  expect.raises("option 'alpn' must be a list of texts", net.connect, 'tls:x:1', { alpn = { ('x'):rep(200), ('y'):rep(60) } })
  expect.raises('option without a name', net.connect, 'tls:x:1', { 'ca.pem' })
  expect.raises('options for TLS are for addresses with tls: in front', net.connect, '127.0.0.1:1', { ca = ca })
  expect.raises("option 'server' is for starttls", net.connect, 'tls:x:1', { server = true })
  expect.raises('options are for addresses with tls: in front', net.listen, '127.0.0.1:0', { cert = 'x' })
  expect.raises("bad port: 'localhost:x'", net.connect, 'tls:localhost:x')
  eq(nil, 'a server needs a certificate')(net.listen(l))
  eq(nil, "certificate 'none.pem': No such file or directory")(net.listen(l, { cert = 'none.pem' }))
  eq(nil, "key '" .. dir .. "/other.key': not the key of certificate '" .. dir .. "/server.pem'")(
    net.listen(l, { cert = dir .. '/server.pem', key = dir .. '/other.key' }))
  eq(nil, "CA 'none': No such file or directory")(net.connect('tls:127.0.0.1:1', { ca = 'none' }))
  eq(nil, 'no name, or a bad one, to verify the certificate by (options name and verify)')(
    net.connect('tls:localhost:1', { ca = ca, name = ('x'):rep(300) }))
  eq(nil, 'Connection refused')(net.connect('tls:127.0.0.1:1', { ca = ca, timeout = 5 }))
end)

test('many options, few of them kept', function()
  for i = 1, 100 do net.listen('tls:127.0.0.1:0', pem('server', { alpn = { 'p' .. i } })):close() end
  collectgarbage()
end)

expect.done()
