#!/usr/bin/env corun
-- Are they alive? Asks each server with OPTIONS, all at the same time, again and again, and tells when one comes or goes.
--
--   corun sip-monitor.lua SECONDS URI...      0 seconds: once; the exit status is then 1 if one of them did not answer
local every = tonumber(table.remove(arg, 1) or '')
if not every or #arg == 0 then
  io.stderr:write('usage: sip-monitor.lua SECONDS URI...\n')
  os.exit(2)
end

local agent, well = sip.agent(), true
for _, uri in ipairs(arg) do
  spawn(function()
    local last
    repeat
      local began = coop.now()
      local answer, err = agent:request { method = 'OPTIONS', uri = uri, timeout = 2 }
      local now = answer and tostring(answer.status) or err
      if now ~= last then print(('%s\t%s\t%s\t%.1f ms'):format(os.date('%FT%T'), uri, now, (coop.now() - began) * 1000)) end
      last, well = now, well and answer ~= nil
      if every > 0 then sleep(every) end
    until every == 0
  end)
end
while coop.count() > 1 do sleep(0.05) end
os.exit(well)
