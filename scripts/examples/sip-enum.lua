#!/usr/bin/env sipd
-- A redirect server for telephone numbers: an INVITE for sip:+15551234@... is answered with where ENUM (RFC 6116) says that this
-- number is. Every request is a coroutine: one that waits for the name server keeps nobody else waiting.
--
--   sipd -@ 127.0.0.1:5300 sip-enum.lua
local allow = { Allow = 'INVITE, ACK, CANCEL, OPTIONS' }

function request(req)
  if req.method == 'OPTIONS' then return req:reply(200, allow) end
  if req.method ~= 'INVITE' then return req:reply(405, allow) end

  local number = (req.uri.user or ''):match('^%+?%d+$')
  if not number then return req:reply(404) end
  local targets, why = dns.enum(number)
  if targets and #targets > 0 then return req:redirect(targets) end
  if targets or why == 'NXDOMAIN' or why == 'NODATA' then return req:reply(404) end
  req:reply(480, 'No answer from the name server')
end
