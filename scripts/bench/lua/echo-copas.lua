-- lua5.4 scripts/bench/lua/echo-copas.lua udp|tcp PORT
package.path = package.path .. ';/usr/share/lua/5.1/?.lua'
local socket = require 'socket'
local copas = require 'copas'

if arg[1] == 'udp' then
  local server = assert(socket.udp())
  assert(server:setsockname('127.0.0.1', tonumber(arg[2])))
  server:settimeout(0)
  copas.addserver(server, function(sock)
    while true do
      local data, ip, port = copas.receivefrom(sock, 2048)
      if data then copas.sendto(sock, data, ip, port) end
    end
  end)
else
  copas.addserver(assert(socket.bind('127.0.0.1', tonumber(arg[2]), 1024)), function(sock)
    sock:setoption('tcp-nodelay', true)
    while true do
      local data, why, part = copas.receivePartial(sock, 65536)
      if why == 'closed' then break end
      copas.send(sock, data or part)
    end
    sock:close()
  end)
end
copas.loop()
