#!/usr/bin/env corun
-- A name server for telephone numbers as a bad day has it: most answers come at once; one in a hundred never does; and in the last
-- quarter of each cycle each takes half a second. A cycle of 0: never.
--
--   corun names.lua ADDRESS CYCLE
local address, cycle = arg[1], tonumber(arg[2])
if not cycle then
  io.stderr:write('usage: names.lua ADDRESS CYCLE\n')
  os.exit(2)
end
local began = coop.now()

local function delay()
  if cycle == 0 then return 0 end
  local at = (coop.now() - began) % cycle / cycle
  return at >= 0.75 and 0.5 or 0
end

local function answer(question)
  local digits = question.name:lower():match('^([%d.]+)%.e164%.arpa%.?$')
  if not digits then return {}, 'REFUSED' end
  local number = digits:gsub('%.', ''):reverse()
  if number:find('^999') then return {}, 'NXDOMAIN' end
  if question.type ~= 'NAPTR' then return {}, 'NOERROR' end
  return { {
    name = question.name, type = 'NAPTR', class = 'IN', ttl = 60,
    order = 100, preference = 10, flags = 'u', services = 'E2U+sip',
    regexp = '!^\\+?(.*)$!sip:\\1@example.com!', replacement = '.',
  } }, 'NOERROR'
end

local socket = assert(net.udp(address))
io.stderr:write('names: listening on ', socket:localaddr(), '\n')

local function reply(query, from)
  local wait = delay()
  if wait > 0 then sleep(wait) end
  local answers, rcode = answer(query.question)
  socket:sendto(assert(dns.encode {
    id = query.id, query = false, opcode = query.opcode, aa = true, rd = query.rd,
    rcode = rcode, question = query.question, answers = answers,
  }), from)
end

while true do
  local packet, from = socket:recvfrom()
  local query = packet and dns.decode(packet)
  if query and query.query and query.question and math.random(100) > 1 then spawn(reply, query, from) end
end
