#!/usr/bin/env corun
-- A load of SIP requests over UDP: a coroutine for each, which sends, waits, sends again as RFC 3261 section 17.1 has it, and
-- notes how long the final answer took.
--
--   corun sip-load.lua TARGET METHOD COUNT RATE [USER]    USER may hold %d: the number of the request
local target, method, count, rate = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local user = arg[5] or 'load'
if not rate then
  io.stderr:write('usage: sip-load.lua TARGET METHOD COUNT RATE [USER]\n')
  os.exit(2)
end

local T1, T2, LIMIT = 0.5, 4, 32 -- RFC 3261, table 4
local socket = assert(net.udp('127.0.0.1:0'))
local here = socket:localaddr()
local run = string.format('%x', math.floor(coop.time() * 1e6))
local waiting, times, codes, resent, lost = {}, {}, {}, 0, 0

local function message(n, what, to_tag)
  return table.concat({
    ('%s sip:%s@%s SIP/2.0'):format(what, user:format(n), target),
    ('Via: SIP/2.0/UDP %s;branch=z9hG4bK%s-%d;rport'):format(here, run, n),
    'Max-Forwards: 70',
    ('From: <sip:load@%s>;tag=%d'):format(here, n),
    ('To: <sip:%s@%s>%s'):format(user:format(n), target, to_tag or ''),
    ('Call-ID: %s-%d'):format(run, n),
    ('CSeq: 1 %s'):format(what),
    ('Contact: <sip:load@%s>'):format(here),
    'Content-Length: 0', '', '' }, '\r\n')
end

-- What has come for a request is noted where its coroutine looks: a final answer may well come right behind a provisional one, or when its
-- time is up, and a coroutine that is ready already is not woken again.
local function request(n)
  local text, began, interval = message(n, method), coop.now(), T1
  local mine = { co = coroutine.running(), code = 0 }
  local id = run .. '-' .. n
  waiting[id] = mine
  socket:sendto(text, target)
  while mine.code < 200 and coop.now() - began < LIMIT do
    timeout(math.max(0.001, math.min(interval, began + LIMIT - coop.now())))
    coroutine.yield()
    timeout(0)
    if mine.code == 0 and coop.now() - began < LIMIT then -- an answer that is not final stops the sending
      socket:sendto(text, target)
      resent, interval = resent + 1, method == 'INVITE' and interval * 2 or math.min(interval * 2, T2)
    end
  end
  waiting[id] = nil
  if mine.code < 200 then lost = lost + 1 return end
  if method == 'INVITE' then socket:sendto(message(n, 'ACK', mine.tag), target) end
  codes[mine.code] = (codes[mine.code] or 0) + 1
  times[#times + 1] = mine.at - began
end

local receiver = spawn(function()
  while true do
    local text = socket:recvfrom()
    local code = tonumber(text:match('^SIP/2.0 (%d%d%d)'))
    local r = code and waiting[text:match('\nCall%-ID:%s*([^\r]+)')]
    if r and r.code < 200 then
      r.code, r.at, r.tag = code, coop.now(), text:match('\nTo:[^\r]*(;tag=[^\r;]+)')
      schedule(r.co)
    end
  end
end)

do
  local load <close> = coop.group()
  local began = coop.now()
  for n = 1, count do
    load:spawn(request, n)
    local ahead = began + n / rate - coop.now()
    if ahead > 0.001 then sleep(ahead) end
  end
  load:wait()
end
coop.cancel(receiver)

table.sort(times)
local function ms(p)
  local t = times[math.max(1, math.ceil(#times * p / 100))]
  return t and ('%.2f ms'):format(t * 1000) or 'none'
end
local by_code = {}
for code, n in pairs(codes) do by_code[#by_code + 1] = code .. ': ' .. n end
table.sort(by_code)
print(('%s\t%d sent, %d answered (%s), %d sent again, %d lost\tp50 %s, p99 %s, max %s'):format(
  method, count, #times, table.concat(by_code, ', '), resent, lost, ms(50), ms(99), ms(100)))
os.exit(lost == 0)
