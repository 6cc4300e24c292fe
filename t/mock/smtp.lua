-- An SMTP server that takes every message; prints its address, then the size of each message.
local l = assert(net.listen('127.0.0.1:0'))
print(l:localaddr())
io.stdout:flush()

local function serve(c)
  local n
  c:write('220 mock\r\n')
  for line in c:lines() do
    line = line:gsub('\r$', '')
    if n and line == '.' then
      print('message', n)
      io.stdout:flush()
      n = nil
      c:write('250 taken\r\n')
    elseif n then
      n = n + #line
    elseif line == 'DATA' then
      n = 0
      c:write('354 go on\r\n')
    elseif line == 'QUIT' then
      c:write('221 bye\r\n')
      break
    else
      c:write('250 well\r\n')
    end
  end
  c:close()
end

for c in l:each() do spawn(serve, c) end
