-- A relay for SIP over UDP that loses some of what it should pass on, each way.
--
--   corun lossy.lua SERVER PERCENT      prints its address first, and when it is terminated how many it has passed on and lost
--
-- Of one call it loses two messages in a row at most, so that no call is lost as a whole; the same ones each time, if they come in the
-- same order.
local server, percent = arg[1], tonumber(arg[2])
local front = assert(net.udp('127.0.0.1:0'))
local passed, lost, in_a_row, ways = 0, 0, {}, {}
math.randomseed(1)

local function is_lost(message)
  local call = message:match('\nCall%-ID: ([^\r]+)')
  local n = in_a_row[call] or 0
  if n == 2 or math.random(100) > percent then
    in_a_row[call], passed = 0, passed + 1
    return false
  end
  in_a_row[call], lost = n + 1, lost + 1
  return true
end

-- the way back to a client: a socket of its own
local function way_of(client)
  local back = assert(net.udp('127.0.0.1:0'))
  spawn(function()
    for message in function() return back:recvfrom() end do
      if not is_lost(message) then front:sendto(message, client) end
    end
  end)
  return back
end

spawn(function()
  coop.signal('TERM')
  print(('relay: %d passed on, %d lost'):format(passed, lost))
  os.exit(0)
end)

print('relay: listening on ' .. front:localaddr())
while true do
  local message, client = front:recvfrom()
  ways[client] = ways[client] or way_of(client)
  -- answers shall come back this way (RFC 3581)
  if not is_lost(message) then ways[client]:sendto(message:gsub('(\nVia: [^\r]*)', '%1;rport', 1), server) end
end
