-- An FTP server with passive connections: RETR N gives N bytes, STOR takes what comes. Prints its address.
local l = assert(net.listen('127.0.0.1:0'))
print(l:localaddr())
io.stdout:flush()

local function passive(c, extended)
  local data = assert(net.listen('127.0.0.1:0'))
  local port = tonumber(data:localaddr():match('%d+$'))
  if extended then
    c:write(('229 here (|||%d|)\r\n'):format(port))
  else
    c:write(('227 here (127,0,0,1,%d,%d)\r\n'):format(port // 256, port % 256))
  end
  return data
end

local function serve(c)
  local data
  c:write('220 mock\r\n')
  for line in c:lines() do
    local verb, arg = line:match('^(%a+) ?([^\r]*)')
    verb = verb:upper()
    if verb == 'PASV' or verb == 'EPSV' then
      data = passive(c, verb == 'EPSV')
    elseif verb == 'RETR' or verb == 'STOR' then
      c:write('150 now\r\n')
      local d = data:accept(5)
      if verb == 'RETR' then d:write(('x'):rep(tonumber(arg:match('%d+')))) else d:read('a') end
      d:close()
      data:close()
      c:write('226 done\r\n')
    elseif verb == 'QUIT' then
      c:write('221 bye\r\n')
      break
    else
      c:write(verb == 'USER' and '331 password\r\n' or verb == 'PASS' and '230 in\r\n' or '200 well\r\n')
    end
  end
  c:close()
end

for c in l:each() do spawn(serve, c) end
