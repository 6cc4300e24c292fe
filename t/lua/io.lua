-- Input and commands as lua(1) has them: run by both, it prints the same. Standard input is a pipe of lines.
local function show(...)
  local t = table.pack(...)
  for i = 1, t.n do t[i] = math.type(t[i]) and ('%.14g'):format(t[i]) or tostring(t[i]):gsub('0x%x+', '0x') end
  print(table.concat(t, ' | '))
end

show('one line', io.read())
show('with its end', io.read('L'))
show('numbers', io.read('n', 'n', 'n'))
show('no number', io.read('n'))
show('the rest of the line', io.stdin:read('l'))
show('bytes', io.read(3, 0, 2, 'l'))
local n = 0
for line in io.lines() do
  n = n + 1
  if line == 'stop' then break end
end
show('lines', n)
for a, b in io.stdin:lines(1, 'L') do
  show('formats', a, b)
  if a == 'z' then break end
end
show('all', io.read('a'))
show('at the end', io.read('a'), io.read('l'), io.read(0), io.read(1), io.read('n'))
show('bad format', pcall(io.read, 'x'))

local p = io.popen('echo a; echo b; exit 3')
show('kind', io.type(p), tostring(p))
for line in p:lines() do show('popen', line) end
show('seek', p:seek('cur'))
show('close', p:close())
show('closed', io.type(p), pcall(p.read, p))
show('true', io.popen('true'):close())
show('killed', io.popen('kill -9 $$'):close())
show('no command', io.popen('exec /nonexistent/x 2>/dev/null'):close())
show('read all', io.popen('printf "x\\ny"'):read('a'))
show('mode', pcall(io.popen, 'true', 'rw'))
local w = io.popen('cat', 'w')
show('write', w:write('to cat ', 12, '\n') == w)
show('flush', w:flush() == w)
show('close', w:close())
show('write to nobody', (select(2, pcall(function()
  local q = io.popen('exit 0', 'w')
  return q:close()
end))))
show('execute', os.execute('exit 4'))
show('execute', os.execute('kill -15 $$'))
show('shell', os.execute())
do
  local q <close> = io.popen('echo closed by scope')
  show(q:read())
end

local name = os.tmpname()
local f = io.open(name, 'w')
show('plain', f:write('1 2\nline\n') == f, f:close())
for a, b in io.lines(name, 'n', 'n') do show('plain numbers', a, b) break end
io.input(name)
show('input', io.read('L', 'a'))
show('input closed', io.close(io.input()))
show('no input', pcall(io.read))
os.remove(name)
show('no file', io.open('/nonexistent/x'))
