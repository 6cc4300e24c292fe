#!/usr/bin/env corun
-- Callers for hours: INVITEs, and half as many OPTIONS, at a rate that rises and falls, with a burst in the middle of each cycle. Each is
-- a coroutine that sends, and sends again as RFC 3261 section 17.1 has it. A line of figures for each cycle; nothing is kept for longer.
--
--   corun load.lua TARGET SECONDS RATE CYCLE
local target, seconds, rate, cycle = arg[1], tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4])
if not cycle then
  io.stderr:write('usage: load.lua TARGET SECONDS RATE CYCLE\n')
  os.exit(2)
end
local T1, LIMIT = 0.5, 32 -- RFC 3261, table 4
local BURST = 4           -- times the rate, for a thirtieth of the cycle
local socket = assert(net.udp('127.0.0.1:0'))
local here = socket:localaddr()
local run = string.format('%x', math.floor(coop.time() * 1e6))
local waiting, under_way = {}, 0
local sent, lost, resent, late, codes = 0, 0, 0, {}, {}

-- times by powers of the square root of two, from 0.1 ms on
local function note_time(s)
  local i = math.max(0, math.ceil(2 * math.log(s / 1e-4, 2)))
  late[i] = (late[i] or 0) + 1
end

local function percentile(p)
  local all, seen = 0, 0
  for _, n in pairs(late) do all = all + n end
  for i = 0, 64 do
    seen = seen + (late[i] or 0)
    if all > 0 and seen >= all * p / 100 then return ('%.3g ms'):format(0.1 * 2 ^ (i / 2)) end
  end
  return 'none'
end

local function message(n, what, user, tag)
  return table.concat({
    ('%s sip:%s@%s SIP/2.0'):format(what, user, target),
    ('Via: SIP/2.0/UDP %s;branch=z9hG4bK%s-%d;rport'):format(here, run, n),
    'Max-Forwards: 70',
    ('From: <sip:load@%s>;tag=%d'):format(here, n),
    ('To: <sip:%s@%s>%s'):format(user, target, tag or ''),
    ('Call-ID: %s-%d'):format(run, n),
    ('CSeq: 1 %s'):format(what),
    ('Contact: <sip:load@%s>'):format(here),
    'Content-Length: 0', '', '' }, '\r\n')
end

local function request(n, method)
  -- one number in twenty is nobody's; the others are so many that most are new to the resolver
  local user = ('+%s%07d'):format(n % 20 == 0 and '999' or '1555', math.random(9999999))
  local text, began, interval = message(n, method, user), coop.now(), T1
  local mine = { co = coroutine.running(), code = 0 }
  local id = run .. '-' .. n
  waiting[id], under_way = mine, under_way + 1
  socket:sendto(text, target)
  while mine.code < 200 and coop.now() - began < LIMIT do
    timeout(math.max(0.001, math.min(interval, began + LIMIT - coop.now())))
    coroutine.yield()
    timeout(0)
    if mine.code == 0 and coop.now() - began < LIMIT then
      socket:sendto(text, target)
      resent, interval = resent + 1, math.min(interval * 2, 4)
    end
  end
  waiting[id], under_way = nil, under_way - 1
  if mine.code < 200 then lost = lost + 1 return end
  if method == 'INVITE' then socket:sendto(message(n, 'ACK', user, mine.tag), target) end
  codes[mine.code] = (codes[mine.code] or 0) + 1
  note_time(mine.at - began)
end

spawn(function()
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

local began = coop.now()

local function tell()
  local by_code = {}
  for code, n in pairs(codes) do by_code[#by_code + 1] = code .. ': ' .. n end
  table.sort(by_code)
  print(('%7.0f s  %d sent, answered %s, %d sent again, %d lost, p50 %s, p99 %s'):format(
    coop.now() - began, sent, table.concat(by_code, ' '), resent, lost, percentile(50), percentile(99)))
  io.stdout:flush()
  sent, lost, resent, late, codes = 0, 0, 0, {}, {}
end

-- requests a second, `at` a time since the start
local function rate_at(at)
  local phase = at % cycle / cycle
  if phase >= 0.4 and phase < 0.4 + 1 / 30 then return rate * BURST end
  return rate * (1 + 0.3 * math.sin(2 * math.pi * phase))
end

local n, due, told = 0, 0, 0
while coop.now() - began < seconds do
  local at = coop.now() - began
  due = due + rate_at(at) * 0.01
  while n < due do
    n, sent = n + 1, sent + 1
    spawn(request, n, n % 3 == 0 and 'OPTIONS' or 'INVITE')
  end
  if at // cycle > told then told = at // cycle tell() end
  sleep(0.01)
end
local patience = coop.now() + LIMIT + 1
while under_way > 0 and coop.now() < patience do sleep(0.1) end
tell()
os.exit(0)
