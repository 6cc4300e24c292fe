-- arg[1]: a directory for fifos.
local dir = arg[1]
local function fifo(name)
  local path = dir .. '/' .. name
  assert(os.execute('mkfifo ' .. path))
  return path
end

-- something else runs on while anybody waits
local ticks = 0
local ticker = spawn(function() while true do ticks = ticks + 1 sleep(0.001) end end)
local function some_ticks()
  local before = ticks
  repeat sleep(0.001) until ticks > before + 2
end

-- opening waits until the other end is there, from either side
for _, first in ipairs { 'r', 'w' } do
  local path, log = fifo('rendezvous' .. first), {}
  local co = spawn(function()
    local f = assert(io.open(path, first))
    log[#log + 1] = first
    f:close()
  end)
  some_ticks()
  log[#log + 1] = 'other'
  local other <close> = assert(io.open(path, first == 'r' and 'w' or 'r'))
  assert(coop.join(co))
  assert(log[1] == 'other' and log[2] == first)
end

-- more than it holds goes through; a method of each kind
do
  local path, sum = fifo('through'), 0
  local writer = spawn(function()
    local f = assert(io.open(path, 'w'))
    assert(io.type(f) == 'file' and tostring(f):find('^file %('))
    for i = 1, 20000 do assert(f:write(i, ' ', 1.0, '\n') == f) end
    assert(f:flush() and f:setvbuf('no'))
    local nothing, why = f:seek('set', 0)
    assert(not nothing and why:find('seek'))
    assert(f:close() == true and io.type(f) == 'closed file')
    assert(not pcall(f.write, f, 'x'))
  end)
  local f = assert(io.open(path))
  some_ticks()
  assert(f:read() == '1 1' and f:read('n') == 2 and f:read('L') == ' 1\n' and f:read(0) == '')
  for line in f:lines() do sum = sum + tonumber(line:match('%d+')) end
  assert(sum == 20000 * 20001 / 2 - 3)
  assert(f:read() == nil and f:read(0) == nil and f:read('a') == '')
  assert(f:close())
  assert(coop.join(writer))
end

-- by io.lines, io.input and io.output
do
  local path = fifo('named')
  local before = io.output()
  local writer = spawn(function()
    assert(io.output(path))
    io.write('one\ntwo\n')
    io.close()
    io.output(before)
  end)
  local got = {}
  for line, rest in io.lines(path, 'l', 1) do got[#got + 1] = line .. ':' .. (rest or '') end
  assert(#got == 2 and got[1] == 'one:t' and got[2] == 'wo:')
  assert(coop.join(writer))
  writer = spawn(function() assert(io.open(path, 'a')):write('three\nfour'):close() end)
  io.input(path)
  assert(io.read() == 'three' and io.read('a') == 'four' and io.read() == nil)
  io.close(io.input())
  io.input(io.stdin)
  assert(coop.join(writer))
end

-- both ends in one: nobody is waited for
do
  local path = fifo('both')
  local f <close> = assert(io.open(path, 'r+'))
  f:write('echo\n')
  assert(f:read() == 'echo')
  local reader = spawn(function() return f:read() end)
  some_ticks()
  f:write('later\n')
  local _, line = coop.join(reader)
  assert(line == 'later')
end

-- one that is cancelled is no other end any more
for _, mode in ipairs { 'r', 'w' } do
  local path = fifo('cancelled' .. mode)
  local co = spawn(function() io.open(path, mode) end)
  some_ticks()
  assert(coop.cancel(co))
  local other = spawn(function() local f <close> = assert(io.open(path, mode == 'r' and 'w' or 'r')) return 'open' end)
  some_ticks()
  assert(coroutine.status(other) == 'suspended')
  assert(debug.traceback(other):find('open'))
  coop.cancel(other)
end

-- a reader who goes
do
  local path = fifo('gone')
  local co = spawn(function()
    local f <close> = assert(io.open(path, 'w'))
    for _ = 1, 1000 do
      local ok, why = f:write(('x'):rep(10000))
      if not ok then return why end
    end
  end)
  io.open(path):close()
  local _, why = coop.join(co)
  assert(why == 'Broken pipe', why)
end

-- what is wrong is told as ever
do
  local path = fifo('wrong')
  for _, mode in ipairs { '', 'x', 'r++', 'rw' } do assert(not pcall(io.open, path, mode)) end
  local nothing, why, code = io.open(path .. '/below', 'r')
  for _, f in ipairs { io.lines, io.input, io.output } do
    local ok, msg = pcall(f, path .. '/below')
    assert(not ok and msg:find("cannot open file '" .. path .. "/below' (Not a directory)", 1, true), msg)
  end
  assert(nothing == nil and why == path .. '/below: Not a directory' and math.type(code) == 'integer')
end
coop.cancel(ticker)
print('ok')
