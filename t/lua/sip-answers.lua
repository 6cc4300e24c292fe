-- What a script can do wrong with a request, and what its caller sees then.
local expect = require 'expect'
local test, eq, raises = expect.test, expect.eq, expect.raises

-- f(req) answers one request, whose response is the result; what it raises is raised
local function serve(t, f)
  local server, client = assert(sip.agent('127.0.0.1:0')), assert(sip.agent('127.0.0.1:0'))
  local failed
  local serving = spawn(function()
    for req in server:requests() do
      local ok, e = xpcall(f, debug.traceback, req)
      if not ok then
        failed = e
        req:reply(500)
      end
    end
  end)
  local request = { method = 'INFO', uri = 'sip:x@' .. server:localaddr() }
  for k, v in pairs(t) do request[k] = v end
  local response, e = client:request(request)
  client:close()
  server:close()
  coop.join(serving)
  if failed then error(failed, 0) end
  return assert(response, e)
end

test('wrong arguments of reply are named', function()
  serve({}, function(req)
    local function bad(text, ...) raises(text, function(...) req:reply(...) end, ...) end
    bad("#1 to 'reply' (number expected, got no value)")
    bad("#1 to 'reply' (number expected, got string)", 'OK')
    bad("#1 to 'reply' (a status is 100 to 699)", 99)
    bad("#1 to 'reply' (a status is 100 to 699)", 700)
    bad("#1 to 'reply' (number has no integer representation)", 200.5)
    for _, reason in ipairs { 'a\r\nX: y', 'a\nb', 'a\rb', 'a\0b', '\27[2J', '\127' } do bad("#2 to 'reply' (a reason is one line", 200, reason) end
    bad("#2 to 'reply' (string expected, got boolean)", 200, true)
    bad("#3 to 'reply' (string expected, got boolean)", 200, 'OK', true)
    bad("#4 to 'reply' (string expected, got table)", 200, 'OK', {}, {})
    bad("#4 to 'reply' (nothing is expected behind the body)", 200, {}, nil, 'body')
    bad("#4 to 'reply' (nothing is expected behind the body)", 200, 'OK', 'body', {})
    bad("#5 to 'reply' (nothing is expected behind the body)", 200, 'OK', {}, 'body', 1)
    req:reply(200)
  end)
end)

test('no field can be made two of', function()
  serve({}, function(req)
    local function bad(text, headers) raises(text, req.reply, req, 200, headers) end
    for _, value in ipairs { 'a\r\nY: z', 'a\nY: z', 'a\rY: z', 'a\r\n b', 'a\0b', '\0' } do
      bad('bad value of the header field X', { X = value })
      bad('bad value of the header field X', { X = { 'good', value } })
    end
    for _, value in ipairs { true, { {} } } do bad('bad value of the header field X', { X = value }) end
    for _, name in ipairs { 'X\r\nY', 'X:', '', 'X Y', 'X\0Y', '\xc3\xa4' } do bad('bad name of a header field', { [name] = 'z' }) end
    for _, name in ipairs { 'Via', 'v', 'FROM', 't', 'Call-ID', 'cseq', 'L' } do bad('is set by itself', { [name] = '1' }) end
    bad('a table of names and values', { 'X: y' })
    req:reply(200)
  end)
end)

test('Record-Route is ours where a dialog may begin', function()
  local response = serve({ method = 'INVITE', headers = { ['Record-Route'] = { '<sip:p1;lr>', '<sip:p2;lr>' } } }, function(req)
    raises('record-route is set by itself', req.reply, req, 180, { ['record-route'] = '<sip:mine>' })
    raises('Record-Route is set by itself', req.reply, req, 200, { ['Record-Route'] = '<sip:mine>' })
    req:reply(404, { ['Record-Route'] = '<sip:mine>' })
  end)
  eq(404, '<sip:mine>')(response.status, response:header('Record-Route'))
end)

test('what a header field may hold', function()
  local response = serve({}, function(req)
    eq(true)(req:reply(200, nil, { A = 5, B = { 1, 2.5, 'x' }, C = '"\\\0"', D = '' }, 17))
  end)
  eq('5', '1', '"\\\0"', '', '17')(response:header('A'), response:header('B'), response:header('C'), response:header('D'), response.body)
end)

test('one final answer, and nothing behind it', function()
  serve({ method = 'INVITE' }, function(req)
    for _, code in ipairs { 100, 180, 183, 180 } do eq(true)(req:reply(code)) end
    eq(nil, 'Message too long')(req:reply(486, nil, nil, ('x'):rep(70000)))
    eq(true)(req:reply(486))
    eq(nil, 'the request has been answered')(req:reply(486))
    eq(nil, 'the request has been answered')(req:reply(180))
    eq(nil, 'the request has been answered')(req:redirect('sip:x'))
  end)
end)

test('wrong arguments of redirect', function()
  local response = serve({}, function(req)
    for _, to in ipairs { 'x y', 'sip:a@b\r\nX: y', 'sip:a@b>,<sip:c', '', true, 5 } do raises('not a URI to redirect to', req.redirect, req, to) end
    raises('not a URI to redirect to', req.redirect, req)
    raises('not a URI to redirect to', req.redirect, req, { 'sip:a', {} })
    raises('nowhere to redirect to', req.redirect, req, {})
    raises('a redirection is 300 to 399', req.redirect, req, 'sip:a', 200)
    eq(true)(req:redirect({ 'sip:a', { uri = 'tel:+1' } }, 300))
  end)
  eq(300, '<sip:a>;q=0.9')(response.status, response:header('Contact'))
end)

test('what is not there says so', function()
  serve({}, function(req)
    for _, name in ipairs { 'proxy', 'challenge', 'authenticate' } do
      raises('req:' .. name .. '() is nothing that this version', function() req[name](req) end)
    end
    eq(nil, nil)(req.nothing, req[1])
    raises('sip.request', function() req.method = 'X' end)
    raises('sip.request expected, got table', req.reply, {}, 200)
    raises('string expected, got no value', req.header, req)
    req:reply(200)
  end)
end)

expect.done()
