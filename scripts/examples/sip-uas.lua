#!/usr/bin/env sipd
-- A telephone that answers every call at once, and has nothing to say: for load tests such as sipp's built-in uac scenario.
--
--   sipd -l 127.0.0.1:5060 sip-uas.lua
--   sipp -sn uac 127.0.0.1:5060

-- an answer to any offer that opens no stream of media (RFC 3264 section 8.2)
local function answer_to(offer)
  local host = offer:match('\nc=(IN IP[46] [^\r\n]+)') or 'IN IP4 0.0.0.0'
  local lines = { 'v=0', 'o=- 0 0 ' .. host, 's=-', 'c=' .. host, 't=0 0' }
  for kind, protocol, formats in offer:gmatch('\nm=(%S+) %d+ (%S+) ([^\r\n]+)') do
    lines[#lines + 1] = ('m=%s 0 %s %s'):format(kind, protocol, formats)
  end
  return table.concat(lines, '\r\n') .. '\r\n'
end

local allow = 'INVITE, ACK, BYE, CANCEL, OPTIONS'
local methods = {}

function methods.INVITE(req)
  if req.body == '' then return req:reply(200, { Allow = allow }) end
  return req:reply(200, { Allow = allow, ['Content-Type'] = 'application/sdp' }, answer_to(req.body))
end

function methods.BYE(req) return req:reply(200) end
function methods.OPTIONS(req) return req:reply(200, { Allow = allow, Accept = 'application/sdp' }) end

function request(req)
  local method = methods[req.method]
  if method then return method(req) end
  req:reply(405, { Allow = allow })
end
