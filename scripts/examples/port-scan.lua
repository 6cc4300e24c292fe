#!/usr/bin/env corun
-- Which ports of a host are open? Two hundred are tried at a time, for a second each. Only for hosts that are yours.
--
--   corun port-scan.lua [HOST [FROM [TO]]]      127.0.0.1 1 1024
local host = arg[1] or '127.0.0.1'
local from, to = tonumber(arg[2] or 1), tonumber(arg[3] or 1024)
local places = coop.semaphore(200)
local open = {}

local function try(port)
  local conn = net.connect(host .. ':' .. port, 1)
  if conn then
    conn:close()
    open[#open + 1] = port
  end
  places:release()
end

local group <close> = coop.group()
for port = from, to do
  places:acquire()
  group:spawn(try, port)
end
group:wait()
table.sort(open)
for _, port in ipairs(open) do print(port) end
