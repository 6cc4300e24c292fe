#!/usr/bin/env corun
-- Starts with some names and follows where their records point: name servers, mail servers, aliases. Never more than RATE questions a
-- second, and each name once.
--
--   corun crawl.lua RATE SERVER NAME...      corun crawl.lua 50 127.0.0.1#53 example.com
local rate, server = tonumber(arg[1] or ''), arg[2]
if not rate or not arg[3] then
  io.stderr:write('usage: crawl.lua RATE SERVER NAME...\n')
  os.exit(2)
end

local resolver = dns.resolver { servers = { server } }
local seen, next_at = {}, coop.now()
local group <close> = coop.group()
local target = { NS = 'nsdname', MX = 'exchange', CNAME = 'cname' }

-- waits for a turn: turns are 1 / rate apart
local function pace()
  local at = math.max(next_at, coop.now())
  next_at = at + 1 / rate
  sleep(at - coop.now())
end

local function visit(name)
  name = name:lower():gsub('%.$', '')
  if seen[name] then return end
  seen[name] = true
  group:spawn(function()
    for _, type in ipairs { 'A', 'NS', 'MX' } do
      pace()
      local records, why = resolver:query(name, type)
      if why == 'NXDOMAIN' then return print(name .. '.', why) end
      for _, rr in ipairs(records or {}) do
        local to = rr[target[rr.type]]
        print(rr.name, rr.type, rr.address or to)
        if to then visit(to) end
      end
    end
  end)
end

for i = 3, #arg do visit(arg[i]) end
group:wait()
