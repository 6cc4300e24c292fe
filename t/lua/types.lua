-- types.lua SERVER NAME/TYPE ...: what a server has of each type; that decode's table and dnsq's text are each encoded as they came.
local server = arg[1]
local sock = net.udp()

local function ask(name, type)
  local id = math.random(0, 65535)
  sock:sendto(dns.encode { id = id, rd = true, question = { name = name, type = type }, edns = { size = 4096 } }, server)
  local packet = assert(sock:recvfrom(5))
  local m = assert(dns.decode(packet))
  assert(m.id == id and m.rcode == 'NOERROR' and not m.tc, name)
  return m, packet
end

-- the rdata of a message that has one record, of the name x.
local function rdata(record)
  local packet = assert(dns.encode { answers = { record } })
  return packet:sub(12 + 3 + 10 + 1)
end

local function copy(record, with)
  local t = {}
  for k, v in pairs(record) do t[k] = v end
  for k, v in pairs(with) do t[k] = v end
  return t
end

local function hex(s)
  return (s:gsub('.', function(c) return ('%02X'):format(c:byte()) end))
end

-- types whose names may be compressed in a message, so that their rdata is not in it as it is here
local compressed = { NS = true, MD = true, MF = true, MB = true, MG = true, MR = true, PTR = true, MINFO = true, MX = true }

local texts = {} -- of dnsq: "name type" -> list of texts
for line in io.lines() do
  local name, type, text = line:match('^(%S+)\t%d+\tIN\t(%S+)\t?(.*)$')
  local key = name .. ' ' .. type
  texts[key] = texts[key] or {}
  table.insert(texts[key], text)
end

local seen = 0
for i = 2, #arg do
  local name, type = arg[i]:match('^(.*)/(.*)$')
  local m, packet = ask(name, type)
  assert(#m.answers > 0, arg[i])
  local wires = {}
  for _, r in ipairs(m.answers) do
    local wire = rdata(copy(r, { name = 'x.' }))
    assert(compressed[r.type] or packet:find(wire, 1, true), arg[i] .. ': by fields: ' .. hex(wire))
    wires[wire] = true
    -- the bytes themselves, and as RFC 3597 has them
    if not compressed[r.type] then
      assert(rdata { name = 'x.', type = r.type, rdata = wire } == wire)
      assert(rdata { name = 'x.', type = r.type, text = ('\\# %d %s'):format(#wire, hex(wire)) } == wire)
    end
  end
  for _, text in ipairs(assert(texts[m.answers[1].name .. ' ' .. m.answers[1].type], arg[i])) do
    local wire = rdata { name = 'x.', type = type, text = text }
    assert(wires[wire], arg[i] .. ': ' .. text .. ' became ' .. hex(wire))
    -- one text for one wire
    wires[wire] = nil
    print(type, m.answers[1].type, #wire, hex(wire))
    seen = seen + 1
  end
  assert(next(wires) == nil, arg[i])
end
io.stderr:write(seen, ' records\n')
