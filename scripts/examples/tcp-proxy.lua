#!/usr/bin/env corun
-- Passes connections on, both ways, each to its end: who has nothing more to say may still listen.
--
--   corun tcp-proxy.lua LISTEN TARGET      corun tcp-proxy.lua 127.0.0.1:8080 www.example.com:80
if #arg ~= 2 then
  io.stderr:write('usage: tcp-proxy.lua LISTEN TARGET\n')
  os.exit(2)
end
local listener = assert(net.listen(arg[1]))
io.stderr:write('tcp-proxy: listening on ', listener:localaddr(), '\n')

local function pump(from, to)
  for data in function() return from:readsome() end do
    if not to:write(data) then return end
  end
  to:shutdown()
end

local function serve(client)
  local _ <close> = client
  local server <close>, why = net.connect(arg[2], 10)
  if not server then
    io.stderr:write('tcp-proxy: ', arg[2], ': ', why, '\n')
    return
  end
  local group <close> = coop.group()
  group:spawn(pump, client, server)
  group:spawn(pump, server, client)
  group:wait()
end

for client in listener:each() do spawn(serve, client) end
