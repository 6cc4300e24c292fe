-- What a coroutine was woken for goes to somebody else if it is cancelled before it has run.
local function run(f, ...)
  local co = spawn(f, ...)
  coop.yield() coop.yield()
  return co
end

-- a semaphore that was given to it
do
  local s = coop.semaphore(0)
  local co = run(function() s:acquire() end)
  s:release()
  assert(coop.cancel(co))
  assert(s:acquire(0) == true)
  co = run(function() s:acquire() end)
  local next_ = run(function() return s:acquire(5) end)
  s:release()
  assert(coop.cancel(co))
  assert(select(2, coop.join(next_)) == true)
  assert(not s:acquire(0))
end

-- a value of a channel
do
  local ch = coop.channel()
  local co = run(function() ch:get() end)
  local next_ = run(function() return ch:get(5) end)
  ch:put('value')
  assert(coop.cancel(co))
  assert(select(2, coop.join(next_)) == 'value')
end

-- what it wanted to put, if nobody has taken it
for _, capacity in ipairs { 0, 2 } do
  local ch = coop.channel(capacity)
  for i = 1, capacity do ch:put(i) end
  local late = run(function() return ch:put('late', 0.001) end)
  local cancelled = {}
  for _ = 1, 3 do cancelled[#cancelled + 1] = run(function() ch:put('cancelled') end) end
  local kept = run(function() return ch:put('kept') end)
  assert(coop.cancel(cancelled[2]))
  assert(#ch == capacity + 4)
  assert(not select(2, coop.join(late)))
  coop.cancel(cancelled[3])
  coop.cancel(cancelled[1])
  assert(#ch == capacity + 1)
  for i = 1, capacity do assert(ch:get() == i) end
  assert(ch:get(5) == 'kept' and #ch == 0)
  assert(select(2, coop.join(kept)) == true)
  assert(not ch:get(0))
  -- one whose value has its place has put it
  for i = 1, capacity do ch:put(i) end
  local put = run(function() ch:put('put') end)
  ch:get(capacity == 0 and 5 or nil)
  coop.cancel(put)
  for i = 2, capacity do assert(ch:get() == i) end
  if capacity > 0 then assert(ch:get() == 'put') end
  assert(not ch:get(0))
end

-- What follows is woken by events: `co` is cancelled by one that an event before it in the same turn has woken; if the
-- system tells of the events in another order, `co` has had what came, and once more is sent.
local first = net.udp('127.0.0.1:0')
local from = net.udp('127.0.0.1:0')
local function cancel_first(co, wait)
  return run(function()
    wait()
    return coop.cancel(co)
  end)
end

-- a signal
do
  local co = run(function() coop.signal('USR2') end)
  local next_ = run(function() return coop.signal('USR2') end)
  local canceller = cancel_first(co, function() coop.signal('HUP') end)
  -- nothing else runs until both have come
  string.gsub('a', 'a', function() assert(os.execute('kill -USR2 $PPID; kill -HUP $PPID')) end)
  if not select(2, coop.join(canceller)) then assert(os.execute('kill -USR2 $PPID')) end
  assert(select(2, coop.join(next_)) == 'USR2')
end

-- a datagram
do
  local sock = net.udp('127.0.0.1:0')
  local canceller
  local co = run(function() sock:recvfrom() end)
  local next_ = run(function() return (sock:recvfrom()) end)
  canceller = cancel_first(co, function() first:recvfrom() end)
  -- they leave together, at the end of the turn
  from:sendto('cancel', first:localaddr())
  from:sendto('datagram', sock:localaddr())
  if not select(2, coop.join(canceller)) then from:sendto('datagram', sock:localaddr()) end
  assert(select(2, coop.join(next_)) == 'datagram')
end

-- a connection
do
  local l = net.listen('127.0.0.1:0')
  local co = run(function() l:accept() end)
  local next_ = run(function() return l:accept() end)
  local conn = net.connect(l:localaddr())
  coop.cancel(co)
  local another = net.connect(l:localaddr())
  assert(select(2, coop.join(next_)) ~= nil)
end
print('ok')
