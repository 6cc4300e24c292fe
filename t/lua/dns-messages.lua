-- Every field of every type, encoded and decoded.
local records = {
  { type = 'A', address = '192.0.2.1' },
  { type = 'AAAA', address = '2001:db8::1' },
  { type = 'NS', nsdname = 'ns.example.com.' },
  { type = 'CNAME', cname = 'we\\.ird.example.com.' },
  { type = 'SOA', mname = 'ns.example.com.', rname = 'host.example.com.', serial = 4294967295, refresh = 1, retry = 2, expire = 3, minimum = 4 },
  { type = 'PTR', ptrdname = 'host.example.com.' },
  { type = 'MX', preference = 10, exchange = 'mail.example.com.' },
  { type = 'TXT', txt = { 'one', 'two words', '', '\0\255"\\' } },
  { type = 'SRV', priority = 1, weight = 2, port = 65535, target = 'sip.example.com.' },
  { type = 'NAPTR', order = 1, preference = 2, flags = 'u', services = 'E2U+sip', regexp = '!^(.*)$!sip:\\1@x!', replacement = '.' },
  { type = 'CAA', flags = 128, tag = 'issue', value = 'ca.example.com; x=y' },
  { type = 'TYPE65280', rdata = '\0\1\2\255' },
}
for i, r in ipairs(records) do r.name, r.class, r.ttl = 'n' .. i .. '.example.com.', 'IN', i end

local function same(a, b, where)
  if type(a) ~= 'table' or type(b) ~= 'table' then
    assert(a == b, ('%s: %s, not %s'):format(where, b, a))
    return
  end
  for k, v in pairs(a) do same(v, b[k], where .. '.' .. k) end
  for k in pairs(b) do assert(a[k] ~= nil, where .. '.' .. k .. ' is new') end
end

local message = {
  id = 65535, query = false, opcode = 'query', aa = true, tc = false, rd = true, ra = true, ad = false, cd = true, rcode = 'NXDOMAIN',
  question = { name = 'www.example.com.', type = 'NAPTR', class = 'IN' },
  answers = records, nameservers = { records[3] }, additional = { records[1], records[2] },
  edns = { size = 1400, version = 0, dnssec = true, options = { { code = 3, data = 'nsid' }, { code = 65001, data = '' } } },
}
same(message, assert(dns.decode(assert(dns.encode(message)))), 'message')

-- the RCODE's upper bits are in EDNS
message.rcode = 'BADVERS'
same(message, dns.decode(dns.encode(message)), 'badvers')

-- what is missing
local empty = dns.decode(dns.encode {})
same({ id = 0, query = true, opcode = 'query', aa = false, tc = false, rd = false, ra = false, ad = false, cd = false, rcode = 'NOERROR',
  answers = {}, nameservers = {}, additional = {} }, empty, 'empty')

-- rdata as in a zone file, for a type that is known and one that is not; numbers for names
local m = dns.decode(dns.encode { answers = {
  { name = 'a', type = 'MX', text = '10 mail.example.com.' }, { name = 'a', type = 'TYPE65280', text = '\\# 2 ABCD' },
  { name = 'a', type = 1, class = 255, address = '192.0.2.1' }, { name = 'a', type = 'TXT', txt = 'alone' } } })
assert(m.answers[1].exchange == 'mail.example.com.' and m.answers[1].preference == 10)
assert(m.answers[2].rdata == '\xab\xcd')
assert(m.answers[3].type == 'A' and m.answers[3].class == 'ANY' and m.answers[3].ttl == 0)
assert(#m.answers[4].txt == 1 and m.answers[4].txt[1] == 'alone')

-- no metamethod is run while a message is being built
local trap = setmetatable({ name = 'a', type = 'A' }, { __index = function() error('run') end })
assert(select(2, dns.encode { answers = { trap } }) == 'answers[1].address: missing')
print('ok')
