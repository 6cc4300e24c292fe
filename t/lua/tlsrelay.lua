-- A relay for clients of SIP that know no TLS: they connect to it over TCP, and it connects to the server over TLS.
--
--   corun tlsrelay.lua SERVER CA      prints its address first
local server, ca = arg[1], arg[2]
local listener = assert(net.listen('127.0.0.1:0'))

local function pass(from, to)
  for data in function() return from:readsome() end do
    -- Via tells the server what it sees
    if not to:write((data:gsub('SIP/2%.0/TCP', 'SIP/2.0/TLS'))) then break end
  end
  to:shutdown()
end

local function relay(client)
  local conn <close> = client
  local up <close> = assert(net.connect(server, 10))
  assert(up:starttls { ca = ca })
  local both <close> = coop.group()
  both:spawn(pass, conn, up)
  both:spawn(pass, up, conn)
  both:wait()
end

print('relay: listening on ' .. listener:localaddr())
for client in listener:each() do spawn(relay, client) end
