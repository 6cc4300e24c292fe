-- The peer: a scheduler in plain Lua, as short as one can be that does the work. lua5.4 scripts/bench/lua/on-bare.lua WORK
-- A run queue in a table, a binary heap of sleepers, finished coroutines left to the collector.
package.path = package.path .. ';' .. arg[0]:gsub('[^/]*$', '?.lua')
local work = require 'work'

local create, resume, status, yield = coroutine.create, coroutine.resume, coroutine.status, coroutine.yield
local queue, head, tail = {}, 1, 0
local heap, size = {}, 0 -- of { when, coroutine, index in the heap }

local function up(i, e)
  while i > 1 do
    local p = i // 2
    local parent = heap[p]
    if parent[1] <= e[1] then break end
    heap[i] = parent
    parent[3] = i
    i = p
  end
  heap[i] = e
  e[3] = i
end

local function down(i, e)
  while true do
    local c = i * 2
    if c > size then break end
    if c < size and heap[c + 1][1] < heap[c][1] then c = c + 1 end
    local child = heap[c]
    if child[1] >= e[1] then break end
    heap[i] = child
    child[3] = i
    i = c
  end
  heap[i] = e
  e[3] = i
end

local function push(e)
  size = size + 1
  up(size, e)
end

local function remove(e)
  local i, last = e[3], heap[size]
  heap[size] = nil
  size = size - 1
  if last ~= e then
    if last[1] < e[1] then up(i, last) else down(i, last) end
  end
end

local function ready(co)
  tail = tail + 1
  queue[tail] = co
end

-- what a coroutine yields tells what becomes of it: nil: to the back of the queue; false: it has been put to sleep
local function turn()
  local last = tail
  while head <= last do
    local co = queue[head]
    queue[head] = nil
    head = head + 1
    local ok, how = resume(co)
    if not ok then error(how) end
    if how == nil and status(co) ~= 'dead' then ready(co) end
  end
end

local function now()
  -- plain Lua has no finer wall clock; what is asleep here sleeps in virtual time, which costs nothing
  return 0
end

local scheduler = {
  spawn = function(f) ready(create(f)) end,
  yield = yield,
  turn = turn,
  sleep = function(s)
    push { now() + s, coroutine.running() }
    yield(false)
  end,
  settle = function()
    while head <= tail or size > 0 do
      turn()
      if head > tail and size > 0 then
        local when = heap[1][1]
        while size > 0 and heap[1][1] <= when do
          local e = heap[1]
          remove(e)
          ready(e[2])
        end
      end
    end
  end,
}

scheduler.settle_asleep = scheduler.settle

local mine
scheduler.arm = function(s)
  mine = { now() + s, coroutine.running() }
  push(mine)
end
scheduler.disarm = function() remove(mine) end

work[arg[1]](scheduler, arg[2])
