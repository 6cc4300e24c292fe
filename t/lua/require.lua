-- Modules that wait while they are loaded. In virtual time; arg[1] is a directory for files.
local expect = require 'expect'
local eq, test, raises = expect.eq, expect.test, expect.raises
expect.virtual = true

local dir = arg[1]
package.path = dir .. '/?.lua'

local function module(name, text)
  local f <close> = assert(io.open(dir .. '/' .. name .. '.lua', 'w'))
  f:write(text)
end

test('a module that waits, and what require gives', function()
  module('slow', 'loads = (loads or 0) + 1 sleep(1) return { name = ..., file = select(2, ...) }')
  local start = coop.now()
  local m, file = require 'slow'
  expect.passed(start, 1)
  eq('slow', dir .. '/slow.lua', dir .. '/slow.lua')(m.name, m.file, file)
  eq(m)(require 'slow')
  eq(1)(loads)
end)

test('who requires what is being loaded waits for it, others do not', function()
  module('shared', 'shared = (shared or 0) + 1 sleep(2) return { shared }')
  module('quick', 'return 1')
  local start, got = coop.now(), {}
  for i = 1, 10 do spawn(function() got[i] = require 'shared' end) end
  coop.yield()
  eq(1)((require 'quick'))
  expect.passed(start, 0)
  local m = require 'shared'
  eq(1)(m[1])
  expect.passed(start, 2)
  coop.yield()
  for i = 1, 10 do eq(package.loaded.shared)(got[i]) end
  eq(1)(shared)
end)

test('a load that fails, or is cancelled, leaves the place to the next', function()
  module('fails', 'tries = (tries or 0) + 1 sleep(1) if tries < 3 then error("try " .. tries, 0) end return tries')
  local first = spawn(pcall, require, 'fails')
  local second = spawn(pcall, require, 'fails')
  local third = spawn(function() return (require 'fails') end)
  eq(true, false, 'try 1')(coop.join(first))
  eq(true, false, 'try 2')(coop.join(second))
  eq(true, 3)(coop.join(third))
  module('cancelled', 'begun = (begun or 0) + 1 sleep(1) return begun')
  local co = spawn(require, 'cancelled')
  local other = spawn(function() return (require 'cancelled') end)
  coop.yield()
  coop.cancel(co)
  eq(true, 2)(coop.join(other))
  -- one that only waits for it
  module('waited', 'sleep(1) return "w"')
  co = spawn(require, 'waited')
  other = spawn(require, 'waited')
  coop.yield()
  coop.cancel(other)
  eq(true, 'w', dir .. '/waited.lua')(coop.join(co))
end)

test('modules of modules, generators, values', function()
  module('inner', 'sleep(1) return "in"')
  module('outer', 'return "out+" .. require "inner"')
  eq('out+in')((coroutine.wrap(function() return (require 'outer') end)()))
  module('none', 'sleep(1)')
  eq(true)((require 'none'))
  module('itself', 'sleep(1) package.loaded[...] = "set"')
  eq('set')((require 'itself'))
  module('no', 'sleep(1) return false')
  eq(false)((require 'no'))
  eq(false)((require 'no'))
  package.preload.pre = function(...) sleep(1) return { ... } end
  local pre = require 'pre'
  eq('pre', ':preload:')(pre[1], pre[2])
  package.loaded['12'] = 'twelve'
  eq('twelve')(require(12))
end)

test('what is not found, or wrong: the errors of Lua', function()
  eq("module 'nowhere' not found:\n\tno field package.preload['nowhere']\n\tno file '" .. dir .. "/nowhere.lua'")(
    (select(2, pcall(require, 'nowhere')):gsub("\n\tno file '/usr.*$", '')))
  module('syntax', 'x = = 1')
  raises("error loading module 'syntax' from file '" .. dir .. "/syntax.lua':\n\t" .. dir .. "/syntax.lua:1: unexpected symbol near '='", require, 'syntax')
  raises('string expected, got no value', require)
  local kept = package.searchers
  package.searchers = nil
  raises("'package.searchers' must be a table", require, 'x')
  package.searchers = { function(name) return 'not mine: ' .. name end, function() end, function(name) return name == 'mine' and function(_, x) return x end or nil, 7 end }
  eq(7, 7)(require 'mine')
  raises("module 'x' not found:\n\tnot mine: x", require, 'x')
  package.searchers = kept
  module('endless', 'return require "endless"')
  raises('overflow', require, 'endless')
  module('sorted', 'sleep(1) return 1')
  raises('C-call boundary', table.sort, { 2, 1 }, function() require 'sorted' end)
end)

test('dofile waits, too', function()
  module('chunk', 'sleep(1) return ..., 2')
  local start = coop.now()
  eq(nil, 2)(dofile(dir .. '/chunk.lua'))
  eq('x', 2)(assert(loadfile(dir .. '/chunk.lua'))('x'))
  expect.passed(start, 2)
end)

expect.done()
