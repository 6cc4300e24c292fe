-- The service of a sipd that was given no script: it answers OPTIONS, and redirects telephone numbers to where ENUM says they are.
local allow = { Allow = 'INVITE, ACK, CANCEL, OPTIONS' }

-- "+15551234" of tel:+1-555-1234, sip:+15551234@example.com or sip:15551234@example.com;user=phone
local function number_of(uri)
  local user = uri.user or ''
  local digits = user:gsub('[-.()]', '')
  if not digits:find('^%+?%d+$') then return nil end
  if uri.scheme == 'tel' or digits:find('^%+') or uri.params.user == 'phone' then
    return (digits:gsub('^%+?', '+'))
  end
end

local function redirect(req)
  local number = number_of(req.uri)
  if not number then return req:reply(404) end
  local targets, why = dns.enum(number)
  if targets and #targets > 0 then return req:redirect(targets) end
  if targets or why == 'NXDOMAIN' or why == 'NODATA' then return req:reply(404) end
  return req:reply(480, 'No answer from the name server')
end

function request(req)
  if req.method == 'OPTIONS' then return req:reply(200, allow) end
  if req.method == 'INVITE' then return redirect(req) end
  if req.method == 'BYE' then return req:reply(481) end
  return req:reply(405, allow)
end
