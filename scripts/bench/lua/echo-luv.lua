-- lua5.4 scripts/bench/lua/echo-luv.lua udp|tcp|tcp-coroutines PORT
local uv = require 'luv'
local host, port = '127.0.0.1', tonumber(arg[2])

local function go_on(co, ...)
  local ok, why = coroutine.resume(co, ...)
  if not ok then error(why) end
end

if arg[1] == 'udp' then
  local server = uv.new_udp { mmsgs = 64 }
  assert(server:bind(host, port))
  server:recv_start(function(_, data, from)
    if data and from then server:try_send(data, from.ip, from.port) end
  end)
else
  local server = uv.new_tcp()
  assert(server:bind(host, port))
  server:listen(1024, function()
    local client = uv.new_tcp()
    server:accept(client)
    client:nodelay(true)
    if arg[1] == 'tcp' then
      client:read_start(function(_, data)
        if data then client:write(data) else client:close() end
      end)
      return
    end
    go_on(coroutine.create(function()
      local co = coroutine.running()
      client:read_start(function(_, data) go_on(co, data) end)
      for data in coroutine.yield do client:write(data) end
      client:close()
    end))
  end)
end
uv.run()
