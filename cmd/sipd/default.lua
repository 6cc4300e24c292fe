-- The service of a sipd that was given no script: it answers OPTIONS, and redirects telephone numbers to where ENUM says they are.
local allow = { Allow = 'INVITE, ACK, CANCEL, OPTIONS' }

-- "+15551234" of tel:+1-555-1234, sip:+15551234@example.com or sip:15551234@example.com;user=phone; in a user there may be the parameters of
-- the tel URI that it was made from (RFC 3261, section 19.1.6). A number with a phone-context is nobody else's.
local function number_of(uri)
  local user, more = (uri.user or ''):match('^([^;]*)(.*)$')
  local digits = user:gsub('[-.()]', '')
  if digits:find('^%+%d+$') then return digits end
  if not digits:find('^%d+$') or uri.params['phone-context'] or more:lower():find(';phone-context=', 1, true) then return nil end
  return (uri.scheme == 'tel' or uri.params.user == 'phone') and '+' .. digits or nil
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
