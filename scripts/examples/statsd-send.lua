#!/usr/bin/env corun
-- Lines of a name and a value come in, as fast as they like; the newest value of each name goes out as a gauge, once a second.
--
--   while sleep 0.1; do echo load $(cut -d' ' -f1 /proc/loadavg); done | corun statsd-send.lua 127.0.0.1:8125
if #arg ~= 1 then
  io.stderr:write('usage: statsd-send.lua ADDRESS\n')
  os.exit(2)
end
assert(stat.to(arg[1]))

local newest = {}

local function send()
  for name, value in pairs(newest) do
    local ok, why = pcall(stat.gauge, name, value)
    if not ok then io.stderr:write('statsd-send: ', name, ': ', why, '\n') end
  end
  newest = {}
end

local sender = spawn(function()
  while true do
    sleep(1)
    send()
  end
end)

for line in io.lines() do
  local name, value = line:match('^(%S+)%s+(%S+)$')
  value = tonumber(value)
  if value then newest[name] = value else io.stderr:write('statsd-send: not a name and a number: ', line, '\n') end
end
coop.cancel(sender)
send()
