-- A SIP client for tests that sends what it is told to, right or wrong, and shows what comes back.
--
--   local client = require 'sipclient'
--   local c = client(target)
--   c:send(c:request('OPTIONS', 'sip:x@example.com', { branch = 'z9hG4bK1', ['X-Y'] = 'z' }, body))
--   local response, text = c:receive(2)      as sip.parse gives it, with fields by lower-case name in .field; nil: nothing came
local Client = {}
Client.__index = Client

local count = 0

-- the text of a request; fields given replace the usual ones, false leaves one out
function Client:request(method, uri, fields, body)
  count = count + 1
  fields = fields or {}
  local id = ('%d-%d'):format(math.random(1 << 30), count)
  local usual = {
    { 'Via', ('SIP/2.0/UDP %s;branch=%s;rport'):format(self.here, fields.branch or 'z9hG4bK' .. id) },
    { 'Max-Forwards', '70' }, { 'From', '<sip:caller@example.org>;tag=c' .. count }, { 'To', '<' .. uri .. '>' },
    { 'Call-ID', id }, { 'CSeq', '1 ' .. method }, { 'Content-Length', tostring(#(body or '')) },
  }
  local lines, known = { ('%s %s SIP/2.0'):format(method, uri) }, { branch = true }
  for _, field in ipairs(usual) do
    local name, value = field[1], field[2]
    known[name] = true
    if fields[name] ~= nil then value = fields[name] end
    if value then lines[#lines + 1] = name .. ': ' .. value end
  end
  for name, value in pairs(fields) do
    if not known[name] then lines[#lines + 1] = name .. ': ' .. value end
  end
  return table.concat(lines, '\r\n') .. '\r\n\r\n' .. (body or '')
end

function Client:send(text)
  return assert(self.socket:sendto(text, self.target))
end

-- what is no whole message, as the answer to a broken request may be, has status and reason at least
local function read(text)
  local message = sip.parse(text)
  if message then return message end
  local status, reason = text:match('^SIP/2%.0 (%d%d%d) ([^\r]*)\r\n')
  return { status = tonumber(status), reason = reason, headers = {} }
end

function Client:receive(seconds)
  local text = self.socket:recvfrom(seconds or 5)
  if not text then return nil end
  local message = read(text)
  message.field = {}
  for _, h in ipairs(message.headers) do message.field[h.name:lower()] = h.value end
  return message, text
end

-- sends it and waits for an answer
function Client:ask(...)
  self:send(self:request(...))
  return self:receive()
end

-- the ACK or the CANCEL that belongs to an INVITE whose text it is
function Client.follow(_, invite, method, to)
  local text = invite:gsub('^INVITE', method):gsub('CSeq: (%d+) INVITE', 'CSeq: %1 ' .. method)
  return to and text:gsub('\r\nTo: [^\r]*', function() return '\r\nTo: ' .. to end) or text
end

return function(target)
  local socket = assert(net.udp('127.0.0.1:0'))
  return setmetatable({ socket = socket, target = target, here = socket:localaddr() }, Client)
end
