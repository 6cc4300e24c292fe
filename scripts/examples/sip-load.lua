#!/usr/bin/env corun
-- A load of SIP requests: a coroutine for each, and how long their final answers took.
--
--   corun sip-load.lua TARGET METHOD COUNT RATE [USER]    USER may hold %d: the number of the request
local target, method, count, rate = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local user = arg[5] or 'load'
if not rate then
  io.stderr:write('usage: sip-load.lua TARGET METHOD COUNT RATE [USER]\n')
  os.exit(2)
end

local agent = assert(sip.agent(nil, { target = target }))
local times, codes = {}, {}

local function request(n)
  local began = coop.now()
  local answer = agent:request { method = method, uri = ('sip:%s@%s'):format(user:format(n), target:gsub('^%a+:', '')) }
  if not answer then return end
  codes[answer.status] = (codes[answer.status] or 0) + 1
  times[#times + 1] = coop.now() - began
end

do
  local load <close> = coop.group()
  local began = coop.now()
  for n = 1, count do
    load:spawn(request, n)
    local ahead = began + n / rate - coop.now()
    if ahead > 0.001 then sleep(ahead) end
  end
  load:wait()
end

table.sort(times)
local function ms(p)
  local t = times[math.max(1, math.ceil(#times * p / 100))]
  return t and ('%.2f ms'):format(t * 1000) or 'none'
end
local by_code = {}
for code, n in pairs(codes) do by_code[#by_code + 1] = code .. ': ' .. n end
table.sort(by_code)
print(('%s\t%d sent, %d answered (%s), %d sent again, %d lost\tp50 %s, p99 %s, max %s'):format(
  method, count, #times, table.concat(by_code, ', '), agent:stats().retransmissions, count - #times, ms(50), ms(99), ms(100)))
os.exit(count == #times)
