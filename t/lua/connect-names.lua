-- net.connect by name. The name server is ours: what it says is in the first label. It is what the file `conf` names.
local expect = require 'expect'
local eq, test = expect.eq, expect.test

local ns = net.udp('127.0.0.1:0')
local v4 = net.listen('127.0.0.1:0')
local port = v4:localaddr():match('%d+$')
local v6 = assert(net.listen('[::1]:' .. port))
local asked = {}

local f = io.open('conf', 'w')
f:write('nameserver ', ns:localaddr():gsub(':', '#'), '\n')
f:close()

local zone = {
  ['four'] = { A = '127.0.0.1' },
  ['five'] = { A = '127.0.0.1' },
  ['six'] = { AAAA = '::1' },
  ['both'] = { A = '127.0.0.1', AAAA = '::1' },
  ['half'] = { A = '127.0.0.2', AAAA = '::1' },   -- nobody listens at the first
  ['none'] = {},
  ['dead'] = { A = '127.0.0.2' },
}

local server = spawn(function()
  while true do
    local packet, from = ns:recvfrom()
    local q = dns.decode(packet)
    local question = q.question
    local label = question.name:match('^[^.]+')
    asked[#asked + 1] = question.type
    local address = zone[label] and zone[label][question.type]
    if label ~= 'silent' then
      ns:sendto(dns.encode {
        id = q.id, query = false, rd = true, ra = true, rcode = zone[label] and 'NOERROR' or 'NXDOMAIN', question = question,
        answers = address and { { name = question.name, type = question.type, ttl = 60, address = address } } or {},
      }, from)
    end
  end
end)

local function connect(name, seconds)
  asked = {}
  local conn, why = net.connect(name .. ':' .. port, seconds)
  if not conn then return nil, why end
  local peer = conn:peeraddr()
  conn:close()
  return peer
end

test('the addresses of both families, in turn', function()
  eq('127.0.0.1:' .. port)(connect 'four.example')
  eq('[::1]:' .. port)(connect 'six.example')
  eq('127.0.0.1:' .. port)(connect 'both.example')
  eq('[::1]:' .. port)(connect 'half.example')
  eq('127.0.0.1:' .. port)(connect 'tcp:five.example')
  eq('A AAAA')(table.concat(asked, ' '))
  eq('127.0.0.1:' .. port)(connect('four.example', 5))
end)

test('names that lead nowhere', function()
  eq(nil, 'NODATA')(connect 'none.example')
  eq(nil, 'NXDOMAIN')(connect 'nowhere.example')
  eq('A AAAA')(table.concat(asked, ' '))
  eq(nil, 'Connection refused')(connect 'dead.example')
end)

test('the time is for all of it', function()
  local start = coop.now()
  eq(nil, 'timeout')(connect('silent.example', 0.1))
  expect.passed(start, 0.1)
  eq('A AAAA')(table.concat(asked, ' '))
end)

test('cancelled while the name is looked up', function()
  local co = spawn(connect, 'silent.example')
  sleep(0.01)
  eq(true)(coop.cancel(co))
  eq('127.0.0.1:' .. port)(connect 'four.example')
end)

coop.cancel(server)
expect.done()
