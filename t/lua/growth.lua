-- A million coroutines come and go, a thousand at a time: the process is no larger for it than after the first 100,000.
local function rss() return coop.stats().rss end

local first
for i = 1, 1000 do
  for _ = 1, 1000 do spawn(function() return i end) end
  while coop.count() > 1 do coop.yield() end
  if i == 100 then first = rss() end
end
print((rss() - first) // 1024)
