-- What the test scripts share. Each test runs in a coroutine of its own; after it nothing of it may live. The last line that is printed says that all
-- went well.
local expect = {}
local passed, failed = 0, 0

local function show(v)
  if type(v) == 'string' then return ('%q'):format(v) end
  return math.type(v) == 'float' and ('%.17g'):format(v) or tostring(v)
end

local function list(t)
  local shown = {}
  for i = 1, t.n do shown[i] = show(t[i]) end
  return '(' .. table.concat(shown, ', ') .. ')'
end

-- expect.eq(want...)(got...): as many values, each the same
function expect.eq(...)
  local want = table.pack(...)
  return function(...)
    local got = table.pack(...)
    local same = got.n == want.n
    for i = 1, want.n do same = same and rawequal(got[i], want[i]) end
    if not same then error('got ' .. list(got) .. ', want ' .. list(want), 2) end
  end
end

-- that f(...) raises an error in which `text` is found; the error is returned
function expect.raises(text, f, ...)
  local ok, e = pcall(f, ...)
  if ok then error('no error, want: ' .. text, 2) end
  if not tostring(e):find(text, 1, true) then error('got the error ' .. show(e) .. ', want: ' .. text, 2) end
  return e
end

-- that `seconds` have passed since `start`: in virtual time exactly so, to the step of a timer, else no less and not much more
function expect.passed(start, seconds)
  local took = coop.now() - start
  if took < seconds - 1e-6 or took > seconds + (expect.virtual and 2e-6 or 5) then
    error('it took ' .. took .. ' s, want ' .. seconds, 2)
  end
end

function expect.test(name, f)
  local before = coop.count()
  local ok, e = coop.join(spawn(f))
  if ok and coop.count() ~= before then ok, e = false, coop.count() - before .. ' coroutines are left' end
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
    print('not ok: ' .. name .. ': ' .. tostring(e))
  end
end

function expect.done()
  print(failed == 0 and 'all ' .. passed .. ' passed' or failed .. ' failed')
  if failed > 0 then os.exit(1) end
end

return expect
