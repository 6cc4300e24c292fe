-- LuaSocket's own core and ours do the same: run by lua5.4 and by corun, this prints the same.
local socket = require 'socket'

local function show(...)
  local t = table.pack(...)
  for i = 1, t.n do
    t[i] = math.type(t[i]) and ('%.14g'):format(t[i]) or tostring(t[i]):gsub('0x%x+', '0x'):gsub("'%?'", "'f'")
  end
  print(table.concat(t, ' | '))
end

local function pair()
  local l = assert(socket.bind('127.0.0.1', 0))
  local _, port = l:getsockname()
  local c = assert(socket.connect('127.0.0.1', port))
  local s = assert(l:accept())
  l:close()
  return c, s
end

-- classes
local m = socket.tcp()
show('master', m, m.class, m.nothing, pcall(m.send, m, 'x'))
show('bind', m:bind('127.0.0.1', 0), m)
show('name', (m:getsockname()), m:getfamily())
show('listen', m:listen(5), m)
show('accept', m:settimeout(0), m:accept())
show('options', m:setoption('reuseaddr', true), m:setoption('keepalive', true), m:getoption('keepalive'))
show('no option', pcall(m.setoption, m, 'nonsense', true))
show('linger', m:setoption('linger', { on = true, timeout = 3 }), m:getoption('linger').timeout)
show('close', m:close(), m)
show('closed', m:getsockname())

-- timeouts
local c, s = pair()
show('client', c)
show('timeouts', c:settimeout(0.01), c:settimeout(5, 't'), c:gettimeout())
show('bad mode', pcall(c.settimeout, c, 1, 'x'))
show('nothing yet', c:receive())
show('sent', s:send('one\r\ntwo\nthr'))
show('line', c:receive())
show('line', c:receive('*l'))
show('part', c:receive('*l'))
show('part is taken', c:receive('*l'))
show('sent', s:send('ee\n'))
show('with prefix', c:receive('*l', 'thr'))
show('sent', s:send('0123456789'))
show('count', c:receive(4))
show('count and prefix', c:receive(4, 'ab'))
show('prefix is enough', c:receive(2, 'abc'))
show('too many', c:receive(100))
show('bad pattern', pcall(c.receive, c, '*x'))
show('bad count', pcall(c.receive, c, -1))
show('ranges', s:send('abcdef', 2, 4), s:send('abcdef', -2), s:send('abcdef', 3, 2), s:send(''))
show('received', c:receive(5))
show('stats', select('#', c:getstats()), (c:getstats()))
show('shutdown', s:shutdown('send'))
show('at the end', c:receive())
show('at the end', c:receive('*a'))
show('still sends', c:send('x'), s:receive(1))
show('close', c:close(), s:receive(1))
show('closed', c:send('x'))
show('closed', c:receive())

c, s = pair()
s:send('all of\r\nit')
s:close()
show('all', c:receive('*a'))
show('all again', c:receive('*a'))

c, s = pair()
s:send('rest\r')
s:close()
show('rest', c:receive('*l'))

-- more than a buffer holds, without anybody who reads
c, s = pair()
c:settimeout(0)
local n, err, last = c:send(('x'):rep(50000000))
show('full', n, err, last > 1000 and last < 50000000)

-- select
c, s = pair()
local r, w, e = socket.select({ c }, { c }, 0)
show('writable', #r, #w, w[1] == c, w[c], e)
r, w, e = socket.select({ c }, nil, 0.01)
show('time-out', #r, #w, e)
s:send('two\nlines\n')
r, w, e = socket.select({ c, s }, nil, 1)
show('readable', #r, r[1] == c, r[c], e)
show(c:receive())
show('buffered', c:dirty(), #socket.select({ c }, nil, 0))
show(c:receive(), c:dirty())
show('nothing', select(3, socket.select(nil, nil, 0)))
local gone = socket.udp()
gone:close()
show('closed', select(3, socket.select({ gone }, { gone }, 0.01)))
show('no lists', (pcall(socket.select, 'wrong', 1, 0.1)))

-- refused, unknown
local l = socket.bind('127.0.0.1', 0)
local _, port = l:getsockname()
show('in use', select(2, socket.tcp4():bind('127.0.0.1', port)))
l:close()
show('refused', socket.connect('127.0.0.1', port))
show('port', pcall(socket.connect, '127.0.0.1', 'no-such-service'))

-- udp
local u, v = socket.udp(), socket.udp()
show('udp', u, u.class)
show('bind', u:setsockname('127.0.0.1', 0), v:setsockname('127.0.0.1', 0))
local _, uport = u:getsockname()
local _, vport = v:getsockname()
show('sendto', u:sendto('datagram', '127.0.0.1', vport))
local data, ip, from = v:receivefrom()
show('receivefrom', data, ip, from == uport)
show('connect', v:setpeername('127.0.0.1', uport), v)
show('send', v:send('reply'), u:receive())
show('cut', v:send('long datagram'), u:receive(4))
show('time-out', u:settimeout(0.01), u:receive())
show('class', pcall(v.sendto, v, 'x', '127.0.0.1', 1))
show('unconnect', v:setpeername('*'), v)
show('close', u:close(), u)

-- try and protect
local finalized = 0
local try = socket.newtry(function() finalized = finalized + 1 end)
local f = socket.protect(function(ok, ...) return try(ok, ...), 'done' end)
show('well', f('value', 'second'))
show('fails', f(nil, 'why'))
show('finalized', finalized)
show('another error', pcall(socket.protect(function() error('x', 0) end)))
show('table as error', pcall(socket.protect(function() error({ 1 }) end)) )
show('skip', socket.skip(2, 1, 2, 3, 4))

-- names
show('toip', socket.dns.toip('127.0.0.1'))
show('addresses', socket.dns.getaddrinfo('127.0.0.1')[1].addr, socket.dns.getaddrinfo('::1')[1].family)
show('host name', socket.dns.gethostname() ~= nil)
show('sources', socket.sink('close-when-done', c) ~= nil, socket.source('until-closed', s) ~= nil)
