-- A name server for tests that does what the first label of the question says, on UDP and TCP of one port, and prints what it was asked:
-- `TRANSPORT NAME TYPE [edns] [do] [cookie]`, a line each. Its address is its first line. With a certificate and its key as further
-- arguments it also speaks TLS: that address is its second line, and queries over it end with `padded` when they are.
--
--   lost-N     ignores the question N times       late-MS   answers after so many milliseconds
--   silent     never answers                      tc        cut short over UDP
--   forged     four wrong answers, then the true one
--   broken     an answer that cannot be read      garbage   the same, then the true one
--   plain      FORMERR to EDNS                    mute      FORMERR to EDNS, without the question
--   big        many records                       hangup    over TCP: closes after one answer
--   lower      the name in small letters          cut       cut short over UDP, and TCP closes
--   stuck      cut short over UDP; over TCP half an answer, and no more
--   case       a wrong answer in another case, then the true one
--   half.nN    ignores the question as often as N can be halved: every other once, every fourth twice...
--   some.nN    ignores the 20th, 40th... once, the 400th twice
--   chain-N    as many aliases, and an address     loop      an alias of itself, through another
--   astray     the address of another name         alias     an alias that leads out of the answer
--   badcookie  BADCOOKIE, with a cookie, always
--   a RCODE's name in small letters: that RCODE
local at = arg[1] or '127.0.0.1:0'
local udp, tcp, address
repeat
  -- a port that the system chooses must be free for TCP, too
  if udp then udp:close() end
  udp = assert(net.udp(at))
  address = udp:localaddr()
  tcp = net.listen(address)
until tcp or not at:find(':0$')
assert(tcp)
local elsewhere = net.udp('127.0.0.1:0')
local seen = {}

io.stdout:setvbuf('line')
print(address)

local function encode(query, rcode, answers, flags)
  local t = { id = query.id, query = false, aa = true, rd = query.rd, rcode = rcode, question = query.question, answers = answers }
  for k, v in pairs(flags or {}) do t[k] = v end
  if query.edns and rcode ~= 'FORMERR' then t.edns = { size = 1232 } end
  return assert(dns.encode(t))
end

local function records(query, n)
  local list = {}
  local q = query.question
  if q.type == 'A' then
    for i = 1, n do list[i] = { name = q.name, type = 'A', ttl = 60, address = '192.0.2.' .. i } end
  end
  return list
end

local function flip(packet, at, bits)
  return packet:sub(1, at - 1) .. string.char(packet:byte(at) ~ bits) .. packet:sub(at + 1)
end

local act = {}

function act.silent() end

function act.lost(query, send, n)
  local count = (seen[query.question.name:lower()] or 0) + 1
  seen[query.question.name:lower()] = count
  if count > n then send(encode(query, 'NOERROR', records(query, 1))) end
end

function act.late(query, send, ms)
  sleep(ms / 1000)
  send(encode(query, 'NOERROR', records(query, 1)))
end

function act.tc(query, send, _, over_tcp)
  if over_tcp then send(encode(query, 'NOERROR', records(query, 200)))
  else send(encode(query, 'NOERROR', {}, { tc = true })) end
end

function act.forged(query, send, _, over_tcp, from)
  local wrong = records(query, 1)
  wrong[1].address = '203.0.113.66'
  local packet = encode(query, 'NOERROR', wrong)
  send(flip(packet, 1, 1))                 -- another id
  send(flip(packet, 14, 1))                -- another question
  send(flip(packet, 3, 0x80))              -- no answer but a question
  if from then elsewhere:sendto(packet, from) end
  send(encode(query, 'NOERROR', records(query, 1)))
end

function act.broken(query, send)
  local packet = encode(query, 'NOERROR', records(query, 1))
  send(packet:sub(1, -20))
end

function act.garbage(query, send)
  act.broken(query, send)
  send('')
  send('x')
  send(encode(query, 'NOERROR', records(query, 1)))
end

function act.plain(query, send)
  if query.edns then send(encode(query, 'FORMERR'))
  else send(encode(query, 'NOERROR', records(query, 1))) end
end

function act.mute(query, send)
  if query.edns then
    local q = query.question
    query.question = nil
    send(encode(query, 'FORMERR'))
    query.question = q
  else
    send(encode(query, 'NOERROR', records(query, 1)))
  end
end

function act.lower(query, send)
  query.question.name = query.question.name:lower()
  send(encode(query, 'NOERROR', records(query, 1)))
end

function act.cut(query, send, _, over_tcp)
  if not over_tcp then send(encode(query, 'NOERROR', {}, { tc = true })) end
end

function act.stuck(query, send, _, over_tcp)
  if not over_tcp then send(encode(query, 'NOERROR', {}, { tc = true }))
  else send(encode(query, 'NOERROR', records(query, 1)), 20) end
end

-- flips the case of all letters in the question
local function recase(packet, length)
  local name = packet:sub(13, 12 + length):gsub('%a', function(c) return string.char(c:byte() ~ 0x20) end)
  return packet:sub(1, 12) .. name .. packet:sub(13 + length)
end

function act.case(query, send, _, over_tcp)
  if not over_tcp then
    local wrong = records(query, 1)
    wrong[1].address = '203.0.113.66'
    send(recase(encode(query, 'NOERROR', wrong), #query.question.name))
  end
  send(encode(query, 'NOERROR', records(query, 1)))
end

function act.half(query, send)
  local n, times = tonumber(query.question.name:match('n(%d+)')), 0
  while n % 2 == 0 do n, times = n // 2, times + 1 end
  act.lost(query, send, times)
end

function act.some(query, send)
  local n = tonumber(query.question.name:match('n(%d+)'))
  act.lost(query, send, n % 400 == 0 and 2 or n % 20 == 0 and 1 or 0)
end

local function alias(from, to) return { name = from, type = 'CNAME', ttl = 60, cname = to } end

function act.chain(query, send, n)
  local list, name = {}, query.question.name
  for i = 1, n do
    list[i] = alias(name, 'c' .. i .. '.x.')
    name = 'c' .. i .. '.x.'
  end
  list[#list + 1] = { name = name, type = 'A', ttl = 60, address = '192.0.2.1' }
  send(encode(query, 'NOERROR', list))
end

function act.loop(query, send)
  local name = query.question.name
  send(encode(query, 'NOERROR', { alias(name, 'other.x.'), alias('other.x.', name) }))
end

function act.alias(query, send) send(encode(query, 'NOERROR', { alias(query.question.name, 'other.x.') })) end

function act.astray(query, send)
  send(encode(query, 'NOERROR', { { name = 'other.x.', type = 'A', ttl = 60, address = '203.0.113.66' } }))
end

function act.badcookie(query, send)
  local cookie = ''
  for _, option in ipairs(query.edns and query.edns.options or {}) do
    if option.code == 10 then cookie = option.data:sub(1, 8) end
  end
  send(assert(dns.encode { id = query.id, query = false, question = query.question, rcode = 23,
    edns = { size = 1232, options = { { code = 10, data = cookie .. 'serverpart' } } } }))
end

function act.big(query, send) send(encode(query, 'NOERROR', records(query, 60))) end

function act.rcode(query, send, _, _, _, rcode) send(encode(query, rcode, {})) end

local function answer(packet, send, from, over_tcp, transport)
  local query = dns.decode(packet)
  if not query or not query.query then return end
  local q = query.question
  local line = { transport or over_tcp and "tcp" or "udp", q.name, q.type }
  if query.edns then
    line[#line + 1] = query.edns.dnssec and "edns do" or "edns"
    for _, option in ipairs(query.edns.options or {}) do
      if option.code == 10 then line[#line + 1] = 'cookie' end
      if option.code == 12 and #packet % 128 == 0 then line[#line + 1] = 'padded' end
    end
  end
  print(table.concat(line, " "))
  local label, n = q.name:lower():match('^([%a]+)%-?(%d*)')
  local rcodes = { nxdomain = true, servfail = true, refused = true, notimp = true }
  if label and rcodes[label] then return act.rcode(query, send, nil, over_tcp, from, label:upper()) end
  local f = label and act[label]
  if f and label ~= 'rcode' then return f(query, send, tonumber(n) or 0, over_tcp, from) end
  send(encode(query, 'NOERROR', records(query, 1)))
end

local function serve(listener, transport)
  for conn in listener:each() do
    spawn(function()
      while true do
        local head = conn:read(2)
        if not head or #head < 2 then break end
        local packet = conn:read((string.unpack('>I2', head)))
        if not packet then break end
        answer(packet, function(reply, most) conn:write(string.pack('>s2', reply):sub(1, most)) end, nil, true, transport)
        if packet:find('hangup', 13, true) or packet:find('cut', 13, true) then break end
      end
      conn:close()
    end)
  end
end

spawn(serve, tcp)
if arg[2] then
  local tls = assert(net.listen('tls:127.0.0.1:0', { cert = arg[2], key = arg[3] }))
  print(tls:localaddr())
  spawn(serve, tls, 'tls')
end

while true do
  local packet, from = udp:recvfrom()
  if packet then
    spawn(function() answer(packet, function(reply) udp:sendto(reply, from) end, from) end)
  end
end
