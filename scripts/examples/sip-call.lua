#!/usr/bin/env corun
-- A test call: rings somebody, stays for some seconds, hangs up unless they do, and tells of each step.
--
--   corun sip-call.lua URI [SECONDS [USER PASSWORD]]      the exit status is 0 if the call was taken
local uri, seconds, user, password = arg[1], tonumber(arg[2] or 1), arg[3], arg[4]
if not uri or not seconds then
  io.stderr:write('usage: sip-call.lua URI [SECONDS [USER PASSWORD]]\n')
  os.exit(2)
end

local agent, began = assert(sip.agent()), coop.now()
local function tell(what, r, err) print(('%6.2f s\t%s\t%s'):format(coop.now() - began, what, r and r.status .. ' ' .. r.reason or err)) end

-- they may hang up first
local over = coop.channel(1)
spawn(function()
  for req in agent:requests() do
    req:reply(req.method == 'BYE' and 200 or 481)
    if req.method == 'BYE' then over:put(true, 0) end
  end
end)

local call, err = agent:request { method = 'INVITE', uri = uri, user = user, password = password, timeout = 30,
  provisional = function(r) tell('INVITE', r) end }
tell('INVITE', call, err)
if not call or not call.dialog then os.exit(1) end
if over:get(seconds) then tell('BYE', nil, 'they hung up') else tell('BYE', agent:request { method = 'BYE', dialog = call.dialog }) end
agent:close()
