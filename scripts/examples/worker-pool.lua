#!/usr/bin/env corun
-- Runs the commands of standard input, N at a time. As each ends its status, its seconds and the command are printed.
--
--   corun worker-pool.lua [N] < commands      4
local jobs = coop.channel()
local failed = 0

local function work()
  for command in jobs:each() do
    local began = coop.now()
    local child <close> = assert(coop.run { 'sh', '-c', command, stdin = false, stdout = false, stderr = false })
    local status = child:wait()
    if status ~= 0 then failed = failed + 1 end
    print(('%d\t%.1f\t%s'):format(status, coop.now() - began, command))
  end
end

local workers <close> = coop.group()
for _ = 1, tonumber(arg[1] or 4) do workers:spawn(work) end
for command in io.lines() do jobs:put(command) end
jobs:close()
workers:wait()
os.exit(failed == 0)
