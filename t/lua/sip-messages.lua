-- sip-messages.lua FILE ...: sip.parse and sip.build at the corners of the grammar; and that the good ones among the files, a message each, are
-- the same after both.
local expect = require 'expect'
local test, eq, raises = expect.test, expect.eq, expect.raises

local function message(changes)
  local fields = { 'Via: SIP/2.0/UDP h;branch=z9hG4bK1', 'From: <sip:a@b>;tag=1', 'To: <sip:c@d>', 'Call-ID: 1', 'CSeq: 1 INFO' }
  local line = changes.line or 'INFO sip:x@y SIP/2.0'
  for i, field in ipairs(fields) do fields[i] = changes[field:match('^[^:]*')] or field end
  return line .. '\r\n' .. table.concat(fields, '\r\n') .. '\r\n' .. (changes.more or '') .. '\r\n' .. (changes.body or '')
end

test('folds in a display name are a space', function()
  eq('Alice B. Smith', '1', 'sip:a@b')((function(from) return from.display, from.tag, from.uri end)
    (sip.parse(message { From = 'From: Alice\r\n B.\r\n\t Smith\r\n <sip:a@b>\r\n ; tag\r\n = 1' }).from))
  eq('Alice "B" Smith')(sip.parse(message { From = 'f: "Alice \\"B\\"\r\n  Smith" <sip:a@b>;tag=1' }).from.display)
end)

test('the parts of a tel URI', function()
  local uri = sip.parse(message { line = 'INFO tel:7042;phone-context=+1-914;ext=12;isub=a%3db SIP/2.0' }).uri
  eq('tel', '7042', '+1-914', '12', 'a=b', nil)(uri.scheme, uri.user, uri.params['phone-context'], uri.params.ext, uri.params.isub, uri.host)
end)

test('a refusal names the field', function()
  for changes, why in pairs {
    [{ more = 'Contact: <sip:a>,,<sip:b>\r\n' }] = 'bad Contact', [{ more = 'm: *, <sip:a>\r\n' }] = 'bad Contact', [{ more = 'Route: <x>\r\n' }] = 'bad Route',
    [{ more = 't: <sip:c@d>\r\n' }] = 'To is there twice', [{ more = 'f: <sip:a>;tag=1\r\n' }] = 'From is there twice',
    [{ To = 'X: y' }] = 'no To', [{ CSeq = 'X: y' }] = 'no CSeq', [{ ['Call-ID'] = 'X: y' }] = 'no Call-ID',
    [{ CSeq = 'CSeq: 1 INVITE' }] = 'the method of CSeq is not that of the request',
    [{ more = 'l: -1\r\n' }] = 'bad Content-Length', [{ more = 'l: 99999999999999999999\r\n' }] = 'bad Content-Length',
    [{ more = 'l: 4\r\n', body = 'abc' }] = 'the body is shorter than Content-Length says',
  } do
    eq(nil, why, 400)(sip.parse(message(changes)))
  end
end)

test('bodies hold anything, and end where Content-Length says', function()
  eq('a\0\r\n')(sip.parse(message { more = 'L: 4\r\n', body = 'a\0\r\nb' }).body)
  eq('abc')(sip.parse((message { body = 'abc' }):gsub('\r', '')).body)
end)

local function same(a, b)
  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
  for k, v in pairs(a) do
    if not same(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local function without_length(m)
  local kept = {}
  for _, h in ipairs(m.headers) do
    if not h.name:lower():find('^content%-length$') and h.name:lower() ~= 'l' then kept[#kept + 1] = h end
  end
  m.headers = kept
  return m
end

for _, name in ipairs(arg) do
  test(name, function()
    local m = sip.parse(assert(io.open(name, 'rb')):read('a'))
    if m then assert(same(without_length(m), without_length(sip.parse(sip.build(m)))), 'not the same') end
  end)
end

test('what could not be sent as it is raises an error', function()
  local function build(changes)
    local m = { method = 'INFO', uri = 'sip:x@y', headers = {} }
    for k, v in pairs(changes) do m[k] = v end
    return sip.build(m)
  end
  raises('bad method', build, { method = 'A B' })
  raises('bad uri', build, { uri = 'sip:a@b\r\nX: y' })
  raises('uri is a table, no text', build, { uri = {} })
  raises('headers is a list', build, { headers = { Subject = 'x' } })
  raises('headers[1] is no table', build, { headers = { 'Subject: x' } })
  raises('value is a table, no text', build, { headers = { { name = 'X', value = {} } } })
  raises('value is a boolean, no text', build, { headers = { { name = 'X', value = true } } })
  for _, value in ipairs { 'a\r\nb', 'a\nb', 'a\rb', 'a\0b', '\0' } do raises('bad name or value', build, { headers = { { name = 'X', value = value } } }) end
  raises('bad name or value', build, { headers = { { name = 'X:', value = 'y' } } })
  raises('body is a table, no text', build, { body = {} })
  raises('a reason is one line', sip.build, { status = 200, reason = 'OK\0', headers = {} })
  eq('INFO sip:x@y SIP/2.0\r\nX: "\\\0"\r\nY: 5\r\nContent-Length: 2\r\n\r\n17')(build { headers = { { name = 'X', value = '"\\\0"' }, { name = 'Y', value = 5 } }, body = 17 })
end)

expect.done()
