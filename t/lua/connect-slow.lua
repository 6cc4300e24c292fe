-- net.connect by names of several addresses, of which some do not answer. In virtual time. arg[1]: a port at which 127.0.0.2 is silent.
local expect = require 'expect'
local eq, test = expect.eq, expect.test
expect.virtual = true

local port = arg[1]
local v4 = assert(net.listen('127.0.0.1:' .. port))
local v6 = assert(net.listen('[::1]:' .. port))
local ns = net.udp('127.0.0.1:0')

local f <close> = io.open('conf', 'w')
f:write('nameserver ', ns:localaddr():gsub(':', '#'), '\n')
f:flush()

-- in the order in which they are tried: resolvers keep no order, so no more than one of a kind matters
local zone = {
  ['silent-then-six'] = { A = { '127.0.0.2' }, AAAA = { '::1' } },
  ['silent-only'] = { A = { '127.0.0.2' } },
  ['refused-only'] = { A = { '127.0.0.3' } },
  ['silent-and-refused'] = { A = { '127.0.0.2', '127.0.0.3' } },
  ['silent-and-two'] = { A = { '127.0.0.2', '127.0.0.1' } },
}

local server = spawn(function()
  while true do
    local packet, from = ns:recvfrom()
    local q = dns.decode(packet)
    local answers = {}
    for _, address in ipairs(zone[q.question.name:match('^[^.]+')][q.question.type] or {}) do
      answers[#answers + 1] = { name = q.question.name, type = q.question.type, ttl = 60, address = address }
    end
    ns:sendto(dns.encode { id = q.id, query = false, rd = true, ra = true, question = q.question, answers = answers }, from)
  end
end)

-- the peer, or nil and why; and after what time
local function connect(name, seconds)
  local start = coop.now()
  local conn <close>, why = net.connect(name .. '.example:' .. port, seconds)
  return conn and conn:peeraddr(), why, coop.now() - start
end

local function about(want, got)
  assert(math.abs(got - want) < 0.01, got)
end

test('the next is tried after a while', function()
  local peer, _, took = connect 'silent-then-six'
  eq('[::1]:' .. port)(peer)
  about(0.25, took)
  peer, _, took = connect 'silent-and-two'
  eq('127.0.0.1:' .. port)(peer)
  assert(took < 0.26, took)
end)

test('the time is for all of them', function()
  local peer, why, took = connect('silent-only', 3)
  eq(nil, 'timeout')(peer, why)
  about(3, took)
  peer, why, took = connect('silent-and-refused', 0.1)
  eq(nil, 'timeout')(peer, why)
  about(0.1, took)
  peer, why, took = connect('silent-and-refused', 2)
  eq(nil, 'timeout')(peer, why)
  about(2, took)
end)

test('who refuses costs no time', function()
  local peer, why, took = connect('refused-only', 3)
  eq(nil, 'Connection refused')(peer, why)
  about(0, took)
end)

test('cancelled with two attempts under way', function()
  local co = spawn(connect, 'silent-and-refused')
  sleep(1)
  eq(true)(coop.cancel(co))
end)

coop.cancel(server)
expect.done()
