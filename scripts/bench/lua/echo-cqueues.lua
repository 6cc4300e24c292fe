-- lua5.4 scripts/bench/lua/echo-cqueues.lua udp|tcp PORT
-- cqueues has no way to answer a datagram of its own: the socket is LuaSocket's, and cqueues waits for it.
local cqueues = require 'cqueues'
local cq = cqueues.new()

local function udp(port)
  local sock = assert(require('socket').udp())
  assert(sock:setsockname('127.0.0.1', port))
  sock:settimeout(0)
  local readable = { pollfd = sock:getfd(), events = 'r' }
  while true do
    local data, ip, from = sock:receivefrom(2048)
    if data then sock:sendto(data, ip, from) else cqueues.poll(readable) end
  end
end

local function tcp(port)
  local socket = require 'cqueues.socket'
  for conn in socket.listen { host = '127.0.0.1', port = port, nodelay = true }:clients() do
    cq:wrap(function()
      conn:setmode('bn', 'bn')
      conn:onerror(function(_, _, code) return code end)
      while true do
        local data = conn:read(-65536)
        if not data then break end
        conn:send(data, 1, #data)
      end
      conn:close()
    end)
  end
end

cq:wrap(arg[1] == 'udp' and udp or tcp, tonumber(arg[2]))
assert(cq:loop())
