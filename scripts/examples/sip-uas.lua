#!/usr/bin/env sipd
-- A server that takes every call at once: what sipp's built-in client expects.
--
--   sipd -l 127.0.0.1:5060 sip-uas.lua    and    sipp -sn uac -r 2000 -m 20000 127.0.0.1:5060
function request(req)
  if req.method == 'INVITE' then req:reply(180) end
  req:reply(200)
end
