-- Whole servers and clients in one script; what each call does is in connections.lua.
local expect = require 'expect'
local eq, test = expect.eq, expect.test

-- pair(): two ends of a connection
local function pair()
  local l <close> = assert(net.listen('127.0.0.1:0'))
  local client = assert(net.connect(l:localaddr(), 5))
  return client, assert(l:accept(5))
end

test('a server for many clients', function()
  local l = assert(net.listen('127.0.0.1:0'))
  local server = spawn(function()
    for conn in l:each() do
      spawn(function()
        for line in conn:lines() do conn:write(line:upper(), '\n') end
        conn:close()
      end)
    end
    return 'closed'
  end)
  do
    local g <close> = coop.group()
    for i = 1, 50 do
      g:spawn(function()
        local c <close> = assert(net.connect(l:localaddr(), 5))
        for j = 1, 5 do
          eq(c)(c:write('hello ', i, ' ', j, '\n'))
          eq('HELLO ' .. i .. ' ' .. j)(c:read())
        end
      end)
    end
    g:wait()
  end
  l:close()
  eq(true, 'closed')(coop.join(server, 5))
  while coop.count() > 2 do sleep(0.01) end
end)

test('ten megabytes, more than the system holds', function()
  local a, b = pair()
  local chunk, n = ('0123456789abcdef'):rep(65536), 10
  local writer = spawn(function() for _ = 1, n do assert(a:write(chunk)) end a:close() end)
  local got = 0
  while true do
    local s = b:readsome()
    if not s then break end
    got = got + #s
  end
  eq(n * #chunk)(got)
  eq(true)(coop.join(writer))
  b:close()
end)

test('one reads while another writes', function()
  local a, b = pair()
  local echo = spawn(function() for line in b:lines() do b:write(line, '\n') end b:close() end)
  local reader = spawn(function() local n = 0 for _ in a:lines() do n = n + 1 end return n end)
  for i = 1, 100 do a:write(i, '\n') end
  a:shutdown()
  eq(true)(coop.join(echo))
  eq(true, 100)(coop.join(reader))
  a:close()
end)

test('the other end breaks off: an error of one connection, the server goes on', function()
  local l = assert(net.listen('127.0.0.1:0'))
  local served, broke = 0, 0
  spawn(function()
    for conn in l:each() do
      spawn(function()
        served = served + 1
        local ok, why = conn:read('a')
        if not ok then assert(why) broke = broke + 1 end
        conn:close()
      end)
    end
  end)
  for _ = 1, 5 do
    local c = assert(net.connect(l:localaddr(), 5))
    c:write('x')
    c:close()
  end
  while served < 5 do sleep(0.01) end
  local c <close> = assert(net.connect(l:localaddr(), 5))
  c:write('still there?')
  c:close()
  while served < 6 do sleep(0.01) end
  l:close()
  while coop.count() > 2 do sleep(0.01) end
  eq(0)(broke)
end)

test('in a generator, and cancelled there', function()
  local a, b = pair()
  local words = coroutine.wrap(function() for line in b:lines() do for w in line:gmatch('%w+') do coroutine.yield(w) end end end)
  spawn(function() sleep(0.01) a:write('one two\n') sleep(0.01) a:write('three\n') end)
  eq('one', 'two', 'three')(words(), words(), words())
  a:close()
  local closed
  local c, d = pair()
  local co = spawn(function()
    coroutine.wrap(function() local x <close> = setmetatable({}, { __close = function() closed = true end }) d:read() end)()
  end)
  coop.yield()
  coop.cancel(co)
  eq(true)(closed)
  c:write('z\n')
  eq('z')(d:read())
  c:close()
  d:close()
  b:close()
end)

test('a connection that nobody holds is closed', function()
  local l <close> = assert(net.listen('127.0.0.1:0'))
  local client <close> = assert(net.connect(l:localaddr(), 5))
  do local server = assert(l:accept(5)) end
  collectgarbage() collectgarbage()
  eq(nil)((client:read()))
end)

expect.done()
