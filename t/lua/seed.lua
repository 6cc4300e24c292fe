-- A name server, and the query of the project's seed: it waits in coroutine.yield until whoever reads the socket schedules it, or its timeout wakes it.
local expect = require 'expect'
local eq, test = expect.eq, expect.test

local service = assert(net.udp('127.0.0.1:0'))
spawn(function()
  while true do
    local packet, from = service:recvfrom()
    if not packet then return end
    local q = assert(dns.decode(packet))
    local name = q.question.name:gsub('%.$', '')
    if name ~= 'silent.example' then
      spawn(function()
        if name == 'slow.example' then sleep(0.2) end
        local r = { id = q.id, query = false, qr = true, rd = true, ra = true, opcode = 'query', question = q.question, rcode = 'NOERROR' }
        if name == 'none.example' then
          r.rcode = 'NXDOMAIN'
        else
          r.answers = { { name = q.question.name, type = 'A', class = 'IN', ttl = 60, address = '192.0.2.' .. q.id % 250 } }
        end
        service:sendto(assert(dns.encode(r)), from)
      end)
    end
  end
end)

local Server = {}
Server.__index = Server

function Server:next_id()
  self.id = self.id % 65535 + 1
  return self.id
end

function Server:set_record(id) self.records[id] = coroutine.running() end
function Server:remove_record(id) self.records[id] = nil end

local function new_server(seconds)
  local server = setmetatable({ id = 0, records = {}, address = service:localaddr(), socket = net.udp('127.0.0.1:0'), timeout = seconds }, Server)
  spawn(function()
    while true do
      local packet = server.socket:recvfrom()
      if not packet then return end
      local info, err = dns.decode(packet)
      local co = info and server.records[info.id]
      if co then schedule(co, info, err) end
    end
  end)
  return server
end

-- word for word
local function query_server(server, query, rr)
  local id = server:next_id()
  local e  = dns.encode { id = id, query = true, rd = true, opcode = 'query',
                          question = { name = query, type = rr, class = 'IN' } }
  server:set_record(id)
  server.socket:send(server.address, e)
  timeout(server.timeout)
  local info, err = coroutine.yield()
  timeout(0)
  server:remove_record(id)
  return info, err
end

local server = new_server(5)

test('one question', function()
  local info, err = query_server(server, 'one.example', 'A')
  eq(nil)(err)
  eq('NOERROR', 1)(info.rcode, #info.answers)
  eq('A', 'IN', 60, '192.0.2.' .. info.id % 250)(info.answers[1].type, info.answers[1].class, info.answers[1].ttl, info.answers[1].address)
  eq('NXDOMAIN')(query_server(server, 'none.example', 'A').rcode)
end)

test('nobody answers', function()
  local impatient, start = new_server(0.2), coop.now()
  eq(nil, 'timeout')(query_server(impatient, 'silent.example', 'A'))
  expect.passed(start, 0.2)
  eq(nil)(next(impatient.records))
  impatient.socket:close()
  coop.yield()
end)

test('five hundred at once, each gets its own answer', function()
  local n, start = 0, coop.now()
  local g <close> = coop.group()
  for i = 1, 500 do
    g:spawn(function()
      local name = i % 2 == 0 and 'slow.example' or 'q' .. i .. '.example'
      local info = assert(query_server(server, name, 'A'))
      eq(name)((info.question.name:gsub('%.$', '')))
      n = n + 1
    end)
  end
  g:wait()
  eq(500)(n)
  expect.passed(start, 0.2)
  eq(nil)(next(server.records))
end)

test('the loop of the statistics', function()
  local sink, got = assert(net.udp('127.0.0.1:0')), {}
  assert(stat.to(sink:localaddr()))
  local co = spawn(function()
    while true do
      stat.gauge('foo.gc', collectgarbage('count') * 1024)
      stat.gauge('foo.co', coop.count())
      timeout(0.05)
      coroutine.yield()
    end
  end)
  while #got < 3 do
    local lines = assert(sink:recvfrom(5))
    assert(lines:find('foo.gc:%d') and lines:find('foo.co:%d+|g'), lines)
    got[#got + 1] = lines
  end
  coop.cancel(co)
  stat.to(nil)
  sink:close()
end)

service:close()
server.socket:close()
expect.done()
