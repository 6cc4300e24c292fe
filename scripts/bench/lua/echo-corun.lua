-- corun scripts/bench/lua/echo-corun.lua udp|tcp PORT
local address = '127.0.0.1:' .. arg[2]

if arg[1] == 'udp' then
  local sock = assert(net.udp(address))
  while true do
    local data, from = sock:recvfrom()
    if data then sock:sendto(data, from) end
  end
end

for conn in assert(net.listen(address)):each() do
  spawn(function()
    while true do
      local data = conn:readsome()
      if not data or not conn:write(data) then break end
    end
    conn:close()
  end)
end
