-- A burst of 50,000 coroutines: how much memory it takes, and how much of that is still there when it has been over for so many
-- seconds at most: arg[1].
local function rss() return coop.stats().rss end

for _ = 1, 1000 do spawn(sleep, 0) end
sleep(0.1)
local before = rss()
for _ = 1, 50000 do spawn(sleep, 0.3) end
sleep(0.2)
local burst, last = rss() - before, coop.now() + tonumber(arg[1])
repeat sleep(0.1) until rss() - before < burst / 10 or coop.now() > last
print(burst // 1024, (rss() - before) // 1024)
