-- sip.agent: requests out, with everything that RFC 3261 wants around them, and requests in. The sockets and the transactions are C's:
-- `core` is what lsipagent.c gives.
local core, sip = ...

local Agent = {}
Agent.__index = Agent

-- header fields whose names are set by what is asked for, and not by `headers`
local ours = {}
for name in ('via v from f to t call-id i cseq content-length l max-forwards'):gmatch('%S+') do ours[name] = true end

local BIG = 1300 -- bytes: what is longer goes over TCP if it can (RFC 3261 18.1.1)
local makes_dialog = { INVITE = true, SUBSCRIBE = true, REFER = true }

-- all values of a field of a response, and the first one
local function values(message, name)
  local list = {}
  for _, h in ipairs(message.headers) do
    if h.name:lower() == name then list[#list + 1] = h.value end
  end
  return list
end

local long = { m = 'contact', c = 'content-type', e = 'content-encoding', s = 'subject', k = 'supported', o = 'event', u = 'allow-events',
  r = 'refer-to', b = 'referred-by', x = 'session-expires', v = 'via', f = 'from', t = 'to', i = 'call-id', l = 'content-length' }
local short = {}
for s, l in pairs(long) do short[l] = s end

local Response = {}
Response.__index = Response

function Response:header(name)
  name = name:lower()
  name = long[name] or name
  return values(self, name)[1] or (short[name] and values(self, short[name])[1])
end

-- "<sip:a@b;lr>;x=y" or "sip:a@b": the URI
local function uri_in(value)
  return value and (value:match('<([^>]*)>') or value:match('^%s*([^;,%s]+)'))
end

-- "<sip:a>, <sip:b;lr>": its URIs, from several fields
local function uris_in(fields)
  local list = {}
  for _, field in ipairs(fields) do
    for uri in field:gmatch('<([^>]*)>') do list[#list + 1] = uri end
  end
  return list
end

-- --- where to send ---

local function is_sips(uri) return uri:find('^[sS][iI][pP][sS]:') ~= nil end

-- the places where a request may be sent, best first: { transport =, addr =, fixed = } each; nil, error
local function places(uri, target, secure)
  if target and not target:find('^sips?:') then
    local transport, at = target:match('^(%a+):(.+)$')
    if transport ~= 'udp' and transport ~= 'tcp' and transport ~= 'tls' then transport, at = secure and 'tls' or nil, target end
    if secure and transport ~= 'tls' then return nil, 'a sips request goes over TLS, not ' .. transport:upper() end
    local host = at:match('^(%d+%.%d+%.%d+%.%d+):%d+$') or at:match('^%[([%x:.]+)%]:%d+$')
    if host then return { { transport = transport or 'udp', addr = at, fixed = transport ~= nil, host = host } } end
    if transport == 'tls' then target = 'sips:' .. at
    else target = 'sip:' .. at .. (transport and ';transport=' .. transport or '') end
  end
  local where = target or uri
  if secure then where = where:gsub('^[sS][iI][pP]:', 'sips:') end -- 8.1.2
  local found, err = require 'dns'.locate(where)
  if not found then return nil, err end
  -- whoever answers must have a certificate for the name that was asked for, whatever the DNS made of it (RFC 5922)
  local domain = where:gsub('^%a+:', ''):gsub('[;?].*', ''):gsub('^.*@', ''):gsub(':%d+$', ''):gsub('[%[%]]', '')
  local list = {}
  for _, p in ipairs(found) do
    local host = p.addr:find(':', 1, true) and '[' .. p.addr .. ']' or p.addr
    list[#list + 1] = { transport = p.transport, addr = host .. ':' .. p.port, fixed = p.chosen, host = domain }
  end
  return list
end

-- --- a request ---

local function check(t, name, kind)
  local v = t[name]
  if v ~= nil and type(v) ~= kind then error(('%s: a %s is wanted, not a %s'):format(name, kind, type(v)), 4) end
  return v
end

local function add_fields(list, headers)
  local names = {}
  for name in pairs(headers) do
    if type(name) ~= 'string' then error('headers: a table of names and values is wanted', 4) end
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if ours[name:lower()] then error(('headers: %s is set by itself'):format(name), 4) end
    local value = headers[name]
    for _, v in ipairs(type(value) == 'table' and value or { value }) do list[#list + 1] = { name = name, value = v } end
  end
end

local function has_field(list, name)
  for _, h in ipairs(list) do
    if h.name:lower() == name then return true end
  end
  return false
end

-- What is asked for, as a table that stays the same from server to server.
local function prepare(self, t)
  local dialog = check(t, 'dialog', 'table')
  local method = check(t, 'method', 'string') or error('method: none was given', 3)
  local uri = t.uri and tostring(t.uri) or dialog and dialog.target or error('uri: none was given', 3)
  self.cseq = self.cseq + 1
  if dialog then dialog.cseq = dialog.cseq + 1 end
  local r = { method = method, uri = uri, body = check(t, 'body', 'string'), fields = {}, dialog = dialog,
    call_id = t.call_id or dialog and dialog.call_id or core.random(), cseq = dialog and dialog.cseq or t.cseq or self.cseq,
    from = t.from or dialog and dialog.from, to = t.to or dialog and dialog.to or '<' .. uri .. '>' }
  if r.from and not r.from:find('[<>]') then r.from = '<' .. r.from .. '>' end
  if not r.to:find('[<>]') then r.to = '<' .. r.to .. '>' end
  for _, route in ipairs(dialog and dialog.routes or {}) do r.fields[#r.fields + 1] = { name = 'Route', value = '<' .. route .. '>' } end
  add_fields(r.fields, check(t, 'headers', 'table') or {})
  return r
end

local function text_of(r, via, place)
  if not r.from then r.from = ('<sip:coop@%s>'):format(via) end
  if not r.from:find(';%s*tag%s*=') then r.from = r.from .. ';tag=' .. core.random() end
  local headers = { { name = 'Via', value = ('SIP/2.0/%s %s;branch=z9hG4bK%s;rport'):format(place.transport:upper(), via, r.branch) },
    { name = 'Max-Forwards', value = 70 }, { name = 'From', value = r.from }, { name = 'To', value = r.to },
    { name = 'Call-ID', value = r.call_id }, { name = 'CSeq', value = ('%d %s'):format(r.cseq, r.method) } }
  if makes_dialog[r.method] and not has_field(r.fields, 'contact') then
    local user = r.from:match('sips?:([^@>;]+)@') or 'coop'
    -- 8.1.1.8: of a request to a SIPS URI it is one, too
    local sips = is_sips(r.uri) or (r.dialog and r.dialog.routes[1] and is_sips(r.dialog.routes[1]))
    local transport = not sips and place.transport ~= 'udp' and ';transport=' .. place.transport or ''
    headers[#headers + 1] = { name = 'Contact', value = ('<%s:%s@%s%s>'):format(sips and 'sips' or 'sip', user, via, transport) }
  end
  for _, h in ipairs(r.fields) do headers[#headers + 1] = h end
  return sip.build { method = r.method, uri = r.uri, headers = headers, body = r.body }
end

-- The dialog that a 2xx makes (12.1.2).
local function dialog_of(r, response)
  local routes, reversed = uris_in(values(response, 'record-route')), {}
  for i = #routes, 1, -1 do reversed[#reversed + 1] = routes[i] end
  return { call_id = r.call_id, from = r.from, to = response:header('to'), cseq = r.cseq, routes = reversed,
    target = uri_in(response:header('contact')) or r.uri }
end

-- 13.2.2.4: it goes where the dialog goes, and carries what the INVITE was let in with.
local function acknowledge(self, txn, r, dialog, place)
  local ack = { method = 'ACK', uri = dialog.target, fields = {}, call_id = r.call_id, cseq = r.cseq, from = r.from, to = dialog.to,
    branch = core.random() }
  for _, route in ipairs(dialog.routes) do ack.fields[#ack.fields + 1] = { name = 'Route', value = '<' .. route .. '>' } end
  for _, h in ipairs(r.fields) do
    if h.name == 'Authorization' or h.name == 'Proxy-Authorization' then ack.fields[#ack.fields + 1] = h end
  end
  local list = not place.told and places(dialog.routes[1] or dialog.target, nil, is_sips(dialog.target))
  local to = list and list[1] or place
  local via = self.core:via(to.transport, to.addr, to.host)
  if via then self.core:ack(txn, text_of(ack, via, to), to.transport, to.addr, to.host) end
end

-- One server: its final response; nil, error.
local function ask(self, r, place, t)
  local via, err = self.core:via(place.transport, place.addr, place.host)
  if not via then return nil, err end
  r.branch = core.random()
  local text = text_of(r, via, place)
  if #text > BIG and place.transport == 'udp' and not place.fixed then
    local tcp = { transport = 'tcp', addr = place.addr, fixed = true, told = place.told }
    local response, why = ask(self, r, tcp, t)
    if response or why == 'timeout' then return response, why end
    return ask(self, r, { transport = 'udp', addr = place.addr, fixed = true, told = place.told }, t)
  end
  local txn <close>, failed = self.core:start(text, place.transport, place.addr, place.host)
  if not txn then return nil, failed end
  local ends = t.timeout and coop.now() + t.timeout
  while true do
    local response, why = txn:next(ends and math.max(0, ends - coop.now()))
    if response then
      setmetatable(response, Response)
      if response.status >= 200 then
        if r.method == 'INVITE' and response.status < 300 then
          response.dialog = dialog_of(r, response)
          acknowledge(self, txn, r, response.dialog, place)
        end
        return response
      end
      if t.provisional then t.provisional(response) end
    elseif why ~= 'late' then
      return nil, why
    elseif r.method ~= 'INVITE' then
      return nil, 'timeout'
    else
      txn:cancel() -- its 487 comes, or the transaction gives up
      ends = nil
    end
  end
end

-- What is wrong with each server, if it is not the same with all.
local function reasons(list, whys)
  local same, all = true, {}
  for i, why in ipairs(whys) do
    same = same and why == whys[1]
    all[i] = ('%s:%s: %s'):format(list[i].transport, list[i].addr, why)
  end
  return same and whys[1] or table.concat(all, '; ')
end

-- The servers one after the other, until one of them says something that stands (RFC 3263 4.3).
local function ask_any(self, r, list, t)
  local response, whys = nil, {}
  for i, place in ipairs(list) do
    local said, why = ask(self, r, place, t)
    if said and said.status ~= 503 then return said, nil, place end
    response, whys[i] = said or response, why or '503'
  end
  return response, reasons(list, whys), list[#list]
end

-- The answer to the first challenge that can be answered; whether it may be tried again.
local function authorize(r, response, t, count)
  local asked, answer = 'www-authenticate', 'Authorization'
  if response.status == 407 then asked, answer = 'proxy-authenticate', 'Proxy-Authorization' end
  for _, challenge in ipairs(values(response, asked)) do
    local value, stale = core.digest(challenge, t.user, t.password, r.method, r.uri, 1, core.random())
    if value then
      if count > 1 and not stale then return false end
      for i = #r.fields, 1, -1 do
        if r.fields[i].name == answer then table.remove(r.fields, i) end
      end
      table.insert(r.fields, { name = answer, value = value })
      return true
    end
  end
  return false
end

-- agent:request{ method =, uri =, ... }: the final response; nil, error
function Agent:request(t)
  local r = prepare(self, t)
  local list, err = places(r.dialog and r.dialog.routes[1] or r.uri, t.target or self.target, is_sips(r.uri))
  if not list then return nil, err end
  for _, p in ipairs(list) do p.told = t.target ~= nil or self.target ~= nil end
  local tries = {}
  while true do
    local response, why, place = ask_any(self, r, list, t)
    local status = response and response.status
    if (status ~= 401 and status ~= 407) or not t.user or not t.password then return response, why end
    tries[status] = (tries[status] or 0) + 1
    if tries[status] > 2 or not authorize(r, response, t, tries[status]) then return response end
    list = { place }
    r.cseq, r.to = r.cseq + 1, r.dialog and r.to or r.to:gsub(';tag=[^;]*', '')
    self.cseq = math.max(self.cseq, r.cseq)
    if r.dialog then r.dialog.cseq = r.cseq end
  end
end

-- for req in agent:requests() do ... end, until the agent is closed
function Agent:requests()
  return function() return self.core:take() end
end

function Agent:stats() return self.core:stats() end
function Agent:localaddr() return self.core:localaddr() end
function Agent:close() self.core:close() end
Agent.__close = Agent.close

-- sip.agent([address] [, { target =, tls = }])
return function(at, options)
  local transport, addr = 'udp', at
  if at then
    local prefix, rest = at:match('^(%a+):(.+)$')
    if prefix == 'udp' or prefix == 'tcp' then transport, addr = prefix, rest end
  end
  local opened, err = core.open(transport, addr, options and options.tls)
  if not opened then return nil, err end
  return setmetatable({ core = opened, cseq = 0, target = options and options.target }, Agent)
end
