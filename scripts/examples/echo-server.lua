#!/usr/bin/env corun
-- What is sent comes back (RFC 862). A connection that is silent for five minutes is closed.
--
--   corun echo-server.lua [ADDRESS]      127.0.0.1:7000
local listener = assert(net.listen(arg[1] or '127.0.0.1:7000'))
io.stderr:write('echo-server: listening on ', listener:localaddr(), '\n')

local function serve(conn)
  local _ <close> = conn
  conn:settimeout(300)
  for data in function() return conn:readsome() end do
    if not conn:write(data) then break end
  end
end

for conn in listener:each() do spawn(serve, conn) end
