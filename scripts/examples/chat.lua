#!/usr/bin/env corun
-- A room to talk in, for nc or telnet. The first line that somebody sends is his name. Each has a queue of his own, and a coroutine that
-- empties it: whoever reads slowly misses something, and nobody waits for him.
--
--   corun chat.lua [ADDRESS]      127.0.0.1:7001
local listener = assert(net.listen(arg[1] or '127.0.0.1:7001'))
io.stderr:write('chat: listening on ', listener:localaddr(), '\n')

local queues = {}   -- of the lines for each, by name

local function say(text, from)
  for name, queue in pairs(queues) do
    if name ~= from then queue:put(text, 0) end
  end
end

local function ask_name(conn)
  local name
  repeat
    if name then conn:write('There is a ', name, ' already.\n') end
    conn:write('Your name? ')
    local line = conn:read()
    name = line and line:match('^%s*([%w_-]+)%s*$')
  until not line or name and not queues[name]
  return name
end

local function visit(conn)
  local _ <close> = conn
  conn:setlimit(1000)
  local name = ask_name(conn)
  if not name then return end
  local queue = coop.channel(100)
  spawn(function()
    for text in queue:each() do
      if not conn:write(text, '\n') then break end
    end
  end)
  queues[name] = queue
  local _ <close> = setmetatable({}, { __close = function()
    queues[name] = nil
    queue:close()
    say(name .. ' leaves.')
  end })
  say(name .. ' enters.')
  for line in function() return conn:read() end do say(name .. ': ' .. line:gsub('%c', ''), name) end
end

for conn in listener:each() do spawn(visit, conn) end
