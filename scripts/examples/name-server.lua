#!/usr/bin/env corun
-- A name server for telephone numbers (RFC 6116), in front of nothing but a rule: every number in e164.arpa is a SIP user of
-- example.com, numbers that begin with 999 do not exist. Each question is answered by a coroutine of its own, so that a slow answer
-- holds up no other.
--
--   corun name-server.lua [ADDRESS [DELAY]]       127.0.0.1:5300, 0 seconds
local address, delay = arg[1] or '127.0.0.1:5300', tonumber(arg[2] or 0)

local function number_of(name)
  local digits = name:lower():match('^([%d.]+)%.e164%.arpa%.?$')
  return digits and digits:gsub('%.', ''):reverse()
end

-- sections of the reply to a question, and its RCODE
local function answer(question)
  local number = number_of(question.name)
  if not number then return {}, 'REFUSED' end
  if number:find('^999') then return {}, 'NXDOMAIN' end
  if question.type ~= 'NAPTR' then return {}, 'NOERROR' end
  return { {
    name = question.name, type = 'NAPTR', class = 'IN', ttl = 60,
    order = 100, preference = 10, flags = 'u', services = 'E2U+sip',
    regexp = '!^\\+?(.*)$!sip:\\1@example.com!', replacement = '.',
  } }, 'NOERROR'
end

local socket = assert(net.udp(address))
io.stderr:write('name-server: listening on ', socket:localaddr(), '\n')

while true do
  local packet, from = socket:recvfrom()
  local query = packet and dns.decode(packet)
  if query and query.query and query.question then
    spawn(function()
      if delay > 0 then sleep(delay) end
      local answers, rcode = answer(query.question)
      socket:sendto(assert(dns.encode {
        id = query.id, query = false, opcode = query.opcode, aa = true, rd = query.rd,
        rcode = rcode, question = query.question, answers = answers,
      }), from)
    end)
  end
end
