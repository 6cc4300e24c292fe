#!/usr/bin/env sipd
-- Tells callers of telephone numbers where to go instead: looks the number up in e164.arpa (RFC 6116) and redirects to the SIP addresses
-- found there, the best one first. The look-up suspends only the coroutine of this one request.
--
--   sipd -l 127.0.0.1:5060 -@ 127.0.0.1:5300 sip-enum.lua
--   sipsak -vv -s sip:+4989123@127.0.0.1:5060

local ALLOW = { Allow = 'INVITE, ACK, CANCEL, OPTIONS' }

-- what a caller of SIP can use: sip: and sips:, as E2U+sip has it
local function sip_only(found)
  local uris = {}
  for _, e in ipairs(found) do
    if e.uri:lower():find('^sips?:') then uris[#uris + 1] = e.uri end
  end
  return uris
end

local function invite(req)
  local number = req.uri.user
  if not number or not number:find('^%+?[%d.()-]+$') then return req:reply(404, 'Not a telephone number') end
  local found, err = dns.enum(number)
  if not found and (err == 'NXDOMAIN' or err == 'NODATA') then return req:reply(404) end
  if not found then return req:reply(480, 'No answer from the name server: ' .. err) end
  local uris = sip_only(found)
  if #uris == 0 then return req:reply(404) end
  return req:redirect(uris)
end

function request(req)
  if req.method == 'OPTIONS' then
    req:reply(200, ALLOW)
  elseif req.method == 'INVITE' then
    invite(req)
  else
    req:reply(405, ALLOW)
  end
end
