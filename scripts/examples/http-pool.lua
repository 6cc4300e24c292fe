#!/usr/bin/env corun
-- Fetches paths, one a line of standard input, over N connections that are kept (RFC 9112), and prints of each its status, its length
-- and the milliseconds that it took.
--
--   corun http-pool.lua HOST:PORT [N] < paths      4
local host, size = arg[1], tonumber(arg[2] or 4)
if not host then
  io.stderr:write('usage: http-pool.lua HOST:PORT [N]\n')
  os.exit(2)
end

local function read_chunks(conn)
  local parts = {}
  for length in function() return tonumber(conn:read():match('^%x+'), 16) end do
    if length == 0 then break end
    parts[#parts + 1] = conn:read(length)
    conn:read()
  end
  repeat until conn:read() == '\r'   -- trailers
  return table.concat(parts)
end

-- status, body, and whether the connection can be used again
local function get(conn, path)
  conn:write('GET ', path, ' HTTP/1.1\r\nHost: ', host, '\r\n\r\n')
  local status = assert(assert(conn:read()):match('^HTTP/1%.%d (%d+)'))
  local head = {}
  for line in conn:lines() do
    if line == '\r' then break end
    local name, value = line:match('^([^:]+):%s*(.-)%s*$')
    head[name:lower()] = value:lower()
  end
  local keep = head.connection ~= 'close'
  if head['transfer-encoding'] == 'chunked' then return status, read_chunks(conn), keep end
  local length = tonumber(head['content-length'])
  if length then return status, length > 0 and conn:read(length) or '', keep end
  return status, conn:read('a'), false
end

local conns = coop.channel(size)
for _ = 1, size do conns:put(false) end   -- places, not yet connected

local group <close> = coop.group()
for path in io.lines() do
  local conn = conns:get()
  group:spawn(function()
    local began = coop.now()
    conn = conn or assert(net.connect(host, 10))
    conn:settimeout(10)
    local status, body, keep = get(conn, path)
    print(('%s\t%d\t%.1f\t%s'):format(status, #body, (coop.now() - began) * 1000, path))
    if not keep then conn:close() end
    conns:put(keep and conn)
  end)
end
group:wait()
