-- The fields of each type: what its text becomes, and that they become the same rdata again.
local function b(hex)
  return (hex:gsub('%x%x', function(h) return string.char(tonumber(h, 16)) end))
end

local ds = { key_tag = 60485, algorithm = 13, digest_type = 2, digest = b 'ABCD' }
local dnskey = { flags = 257, protocol = 3, algorithm = 13, public_key = '\1\2\3' }
local sig = { type_covered = 'A', algorithm = 5, labels = 3, original_ttl = 86400, signature_expiration = 2147483647,
  signature_inception = 946684800, key_tag = 2642, signers_name = 'a.', signature = '\1' }
local tlsa = { certificate_usage = 3, selector = 1, matching_type = 1, certificate_association_data = b '00FF' }
local svcb = { svcpriority = 1, targetname = 'a.', svcparams = { mandatory = 'alpn', alpn = 'h2,h3', ['no-default-alpn'] = '', port = '53',
  ipv4hint = '192.0.2.1,192.0.2.2', ech = 'AQID', ipv6hint = '2001:db8::1', dohpath = '/{?dns}', ohttp = '', key667 = 'a \\"\\255', key668 = '' } }
local svcb_text = [[1 a. mandatory=alpn alpn=h2,h3 no-default-alpn port=53 ipv4hint=192.0.2.1,192.0.2.2 ech=AQID ipv6hint=2001:db8::1 ]] ..
  [[dohpath=/{?dns} ohttp key667="a \"\255" key668]]

local types = {
  { 'A', '192.0.2.1', { address = '192.0.2.1' } }, { 'NS', 'a.', { nsdname = 'a.' } }, { 'CNAME', 'a.', { cname = 'a.' } },
  { 'SOA', 'a. b. 1 2 3 4 5', { mname = 'a.', rname = 'b.', serial = 1, refresh = 2, retry = 3, expire = 4, minimum = 5 } },
  { 'PTR', 'a.', { ptrdname = 'a.' } }, { 'MX', '1 a.', { preference = 1, exchange = 'a.' } }, { 'TXT', '"a" "b"', { txt = { 'a', 'b' } } },
  { 'AAAA', '2001:db8::1', { address = '2001:db8::1' } }, { 'SRV', '1 2 3 a.', { priority = 1, weight = 2, port = 3, target = 'a.' } },
  { 'NAPTR', '1 2 "u" "s" "r" a.', { order = 1, preference = 2, flags = 'u', services = 's', regexp = 'r', replacement = 'a.' } },
  { 'CAA', '1 issue "a b"', { flags = 1, tag = 'issue', value = 'a b' } },
  { 'MD', 'a.', { madname = 'a.' } }, { 'MF', 'a.', { madname = 'a.' } }, { 'MB', 'a.', { madname = 'a.' } },
  { 'MG', 'a.', { mgmname = 'a.' } }, { 'MR', 'a.', { newname = 'a.' } }, { 'NULL', '\\# 2 0102', { rdata = '\1\2' } },
  { 'WKS', '192.0.2.1 6 25 80', { address = '192.0.2.1', protocol = 6, ports = { 25, 80 } } },
  { 'HINFO', '"a b" ""', { cpu = 'a b', os = '' } }, { 'MINFO', 'a. b.', { rmailbx = 'a.', emailbx = 'b.' } },
  { 'RP', 'a. b.', { mbox_dname = 'a.', txt_dname = 'b.' } }, { 'AFSDB', '1 a.', { subtype = 1, hostname = 'a.' } },
  { 'X25', '"311"', { psdn_address = '311' } }, { 'ISDN', '"15" "4"', { isdn_address = '15', sa = '4' } },
  { 'ISDN', '"15"', { isdn_address = '15' } }, { 'RT', '1 a.', { preference = 1, intermediate_host = 'a.' } },
  { 'NSAP', '0x4700', { nsap = b '4700' } }, { 'NSAP-PTR', 'a.', { ptrdname = 'a.' } },
  { 'SIG', 'A 5 3 86400 2147483647 946684800 2642 a. AQ==', sig }, { 'KEY', '257 3 13 AQID', dnskey },
  { 'KEY', '49152 3 0', { flags = 49152, protocol = 3, algorithm = 0, public_key = '' } },
  { 'PX', '1 a. b.', { preference = 1, map822 = 'a.', mapx400 = 'b.' } },
  { 'GPOS', '"-1" "2" "3"', { longitude = '-1', latitude = '2', altitude = '3' } },
  { 'LOC', '0 0 0 N 0 0 1 W 0', { version = 0, size = 0x12, horiz_pre = 0x16, vert_pre = 0x13, latitude = 2147483648, longitude = 2147482648,
    altitude = 10000000 } },
  { 'NXT', 'a. A NXT', { next_domain_name = 'a.', type_bit_map = { 'A', 'NXT' } } }, { 'EID', '0102', { eid = '\1\2' } },
  { 'NIMLOC', '0102', { nimloc = '\1\2' } }, { 'ATMA', '+123', { address = '+123' } }, { 'ATMA', '4700', { address = '4700' } },
  { 'KX', '1 a.', { preference = 1, exchanger = 'a.' } },
  { 'CERT', 'PGP 1 RSASHA256 AQID', { cert_type = 3, key_tag = 1, algorithm = 8, certificate = '\1\2\3' } },
  { 'A6', '64 ::1 a.', { prefix_length = 64, address_suffix = '::1', prefix_name = 'a.' } },
  { 'A6', '0 2001:db8::1', { prefix_length = 0, address_suffix = '2001:db8::1' } }, { 'A6', '128 a.', { prefix_length = 128, prefix_name = 'a.' } },
  { 'DNAME', 'a.', { target = 'a.' } }, { 'SINK', '1 2 3 AQID', { meaning = 1, coding = 2, subcoding = 3, data = '\1\2\3' } },
  { 'APL', '1:192.0.2.0/24 !2:::/0', { apitems = { '1:192.0.2.0/24', '!2:::/0' } } }, { 'APL', '', { apitems = {} } },
  { 'DS', '60485 13 2 ABCD', ds }, { 'SSHFP', '2 1 ABCD', { algorithm = 2, fp_type = 1, fingerprint = b 'ABCD' } },
  { 'IPSECKEY', '10 0 2 . AQID', { precedence = 10, gateway_type = 0, algorithm = 2, gateway = '.', public_key = '\1\2\3' } },
  { 'IPSECKEY', '10 1 0 192.0.2.1', { precedence = 10, gateway_type = 1, algorithm = 0, gateway = '192.0.2.1', public_key = '' } },
  { 'IPSECKEY', '10 3 2 a. AQID', { precedence = 10, gateway_type = 3, algorithm = 2, gateway = 'a.', public_key = '\1\2\3' } },
  { 'RRSIG', 'A 5 3 86400 20380119031407 20000101000000 2642 a. AQ==', sig },
  { 'NSEC', 'a. TYPE1234 A', { next_domain_name = 'a.', type_bit_maps = { 'A', 'TYPE1234' } } }, { 'DNSKEY', '257 3 13 AQID', dnskey },
  { 'DHCID', 'AQID', { data = '\1\2\3' } },
  { 'NSEC3', '1 1 12 AABB vs A', { hash_algorithm = 1, flags = 1, iterations = 12, salt = b 'AABB', next_hashed_owner_name = '\255',
    type_bit_maps = { 'A' } } },
  { 'NSEC3PARAM', '1 0 0 -', { hash_algorithm = 1, flags = 0, iterations = 0, salt = '' } }, { 'TLSA', '3 1 1 00FF', tlsa },
  { 'SMIMEA', '3 1 1 00FF', tlsa },
  { 'HIP', '2 AB AQID a. b.', { pk_algorithm = 2, hit = b 'AB', public_key = '\1\2\3', rendezvous_servers = { 'a.', 'b.' } } },
  { 'HIP', '2 AB AQID', { pk_algorithm = 2, hit = b 'AB', public_key = '\1\2\3', rendezvous_servers = {} } },
  { 'NINFO', '"a" "b"', { zs_data = { 'a', 'b' } } }, { 'RKEY', '257 3 13 AQID', dnskey },
  { 'TALINK', 'a. b.', { previous_name = 'a.', next_name = 'b.' } }, { 'CDS', '60485 13 2 ABCD', ds }, { 'CDNSKEY', '257 3 13 AQID', dnskey },
  { 'OPENPGPKEY', 'AQID', { public_key = '\1\2\3' } }, { 'CSYNC', '66 3 A NS', { soa_serial = 66, flags = 3, type_bit_map = { 'A', 'NS' } } },
  { 'ZONEMD', '2018031900 1 1 ABCD', { serial = 2018031900, scheme = 1, hash_algorithm = 1, digest = b 'ABCD' } },
  { 'SVCB', svcb_text, svcb }, { 'HTTPS', svcb_text, svcb }, { 'SVCB', '0 .', { svcpriority = 0, targetname = '.', svcparams = {} } },
  { 'DSYNC', 'CDS NOTIFY 53 a.', { rrtype = 'CDS', scheme = 1, port = 53, target = 'a.' } }, { 'HHIT', 'AQID', { data = '\1\2\3' } },
  { 'BRID', 'AQID', { data = '\1\2\3' } }, { 'SPF', '"a"', { txt = { 'a' } } },
  { 'NID', '1 0014:4FFF:FF20:EE64', { preference = 1, node_id = '0014:4FFF:FF20:EE64' } },
  { 'L32', '1 192.0.2.1', { preference = 1, locator32 = '192.0.2.1' } },
  { 'L64', '1 2001:0DB8:1140:1000', { preference = 1, locator64 = '2001:0DB8:1140:1000' } }, { 'LP', '1 a.', { preference = 1, fqdn = 'a.' } },
  { 'EUI48', '00-00-5E-00-53-2A', { address = '00-00-5E-00-53-2A' } }, { 'EUI64', '00-00-5E-EF-10-00-00-2A', { address = '00-00-5E-EF-10-00-00-2A' } },
  { 'TKEY', 'a. 1 2 3 BADKEY 3 AQID 0', { algorithm = 'a.', inception = 1, expiration = 2, mode = 3, error = 17, key = '\1\2\3', other = '' } },
  { 'TSIG', 'a. 281474976710655 300 3 AQID 1 BADTIME 6 1', { algorithm = 'a.', time_signed = 281474976710655, fudge = 300, mac = '\1\2\3',
    original_id = 1, error = 18, other = '\0\0\0\0\0\1' } },
  { 'URI', '1 2 "a b"', { priority = 1, weight = 2, target = 'a b' } }, { 'AVC', '"a"', { txt = { 'a' } } },
  { 'DOA', '0 1 2 "text/html" AQID', { doa_enterprise = 0, doa_type = 1, doa_location = 2, doa_media_type = 'text/html', doa_data = '\1\2\3' } },
  { 'DOA', '0 1 2 "" -', { doa_enterprise = 0, doa_type = 1, doa_location = 2, doa_media_type = '', doa_data = '' } },
  { 'AMTRELAY', '10 1 3 a.', { precedence = 10, discovery_optional = true, relay_type = 3, relay = 'a.' } },
  { 'AMTRELAY', '10 0 0 .', { precedence = 10, discovery_optional = false, relay_type = 0, relay = '.' } },
  { 'RESINFO', '"a"', { txt = { 'a' } } }, { 'WALLET', '"a"', { txt = { 'a' } } }, { 'CLA', '"a"', { txt = { 'a' } } },
  { 'IPN', '18446744073709551615', { ipn = -1 } }, { 'IPN', '4294967296', { ipn = 4294967296 } }, { 'TA', '60485 13 2 ABCD', ds },
  { 'DLV', '60485 13 2 ABCD', ds }, { 'TYPE65534', '\\# 2 0102', { rdata = '\1\2' } },
  -- what a type has no words for
  { 'LOC', '\\# 16 01000000000000000000000000000000', { rdata = b '01000000000000000000000000000000' } },
  { 'CAA', '\\# 4 00012D78', { rdata = b '00012D78' } },
}

local function same(a, b, where)
  if type(a) ~= 'table' or type(b) ~= 'table' then
    assert(a == b, ('%s: %s, not %s'):format(where, b, a))
    return
  end
  for k, v in pairs(a) do same(v, b[k], where .. '.' .. k) end
  for k in pairs(b) do assert(a[k] ~= nil, where .. '.' .. k .. ' is new') end
end

local function record(t, class)
  local m = assert(dns.decode(assert(dns.encode { answers = { t } })))
  return m.answers[1]
end

for _, row in ipairs(types) do
  local name, text, fields = table.unpack(row)
  local want = { name = 'x.', type = name, class = 'IN', ttl = 9 }
  for k, v in pairs(fields) do want[k] = v end
  local got = record { name = 'x.', type = name, ttl = 9, text = text }
  same(want, got, name)
  assert(dns.text(got) == dns.text { type = name, text = dns.text(got) } and dns.text(got) == dns.text { type = name, text = text }, name)
  assert(dns.encode { answers = { got } } == dns.encode { answers = { { name = 'x.', type = name, ttl = 9, text = text } } }, name)
end

-- the manual page names them all, and no others: its second argument
if arg[2] then
  local page, names = {}, nil
  for line in io.lines(arg[2]) do
    local list = line:match('^%.It ([%u%d, -]+)$')
    if list then names = list end
    if names and line:match('^%.Fa ') then
      for name in names:gmatch('[%w-]+') do page[name] = page[name] or ' ' .. line:sub(5):gsub(',', '') .. ' ' end
    end
    if not list then names = nil end
  end
  for _, row in ipairs(types) do
    local fields = page[row[1]]
    for k in pairs(row[3]) do
      if k ~= 'rdata' then assert(fields and fields:find(' ' .. k .. ' ', 1, true), row[1] .. ' without ' .. k) end
    end
  end
  local known = {}
  for _, row in ipairs(types) do
    for k in pairs(row[3]) do known[row[1] .. ' ' .. k] = true end
  end
  for name, fields in pairs(page) do
    for k in fields:gmatch('%S+') do assert(known[name .. ' ' .. k], name .. ' with ' .. k) end
  end
end

-- mnemonics where there are numbers, texts where there are lists, and what may be left out
local function equal(a, b)
  assert(assert(dns.encode { answers = { a } }) == assert(dns.encode { answers = { b } }))
end
equal({ name = 'x', type = 'DS', key_tag = '60485', algorithm = 'ECDSAP256SHA256', digest_type = 2, digest = b 'ABCD' },
  { name = 'x', type = 'DS', text = '60485 13 2 ABCD' })
equal({ name = 'x', type = 'NSEC', next_domain_name = 'a', type_bit_maps = 'NS A' }, { name = 'x', type = 'NSEC', text = 'a. A NS' })
equal({ name = 'x', type = 'NSEC', next_domain_name = 'a' }, { name = 'x', type = 'NSEC', text = 'a.' })
equal({ name = 'x', type = 'SVCB', svcpriority = 1, targetname = '.', svcparams = 'port=1 alpn="a b"' },
  { name = 'x', type = 'SVCB', text = '1 . alpn="a b" port=1' })
equal({ name = 'x', type = 'HTTPS', svcpriority = 1, targetname = '.', svcparams = { port = 8443 } }, { name = 'x', type = 'HTTPS', text = '1 . port=8443' })
equal({ name = 'x', type = 'WKS', address = '192.0.2.1', protocol = 'TCP' }, { name = 'x', type = 'WKS', text = '192.0.2.1 6' })
equal({ name = 'x', type = 'TXT', txt = 'a' }, { name = 'x', type = 'TXT', rdata = '\1a' })

-- a class that leaves rdata out (RFC 2136)
for _, class in ipairs { 'ANY', 'NONE' } do
  local got = record { name = 'x.', type = 'MX', class = class, rdata = '' }
  same({ name = 'x.', type = 'MX', class = class, ttl = 0, rdata = '' }, got, class)
end
same({ name = 'x.', type = 'A', class = 'CH', ttl = 0, rdata = '\1a\0\1\2' }, record { name = 'x.', type = 'A', class = 'CH', rdata = '\1a\0\1\2' }, 'CH')

-- text
assert(dns.text { type = 'MX', preference = 10, exchange = 'a.b' } == '10 a.b.')
assert(dns.text { type = 'MX', class = 'ANY', rdata = '' } == '\\# 0' and dns.text { type = 'APL' } == '')
assert(dns.text { type = 'TYPE0', rdata = '\0' } == '\\# 1 00' and dns.text { type = 5, cname = '.' } == '.')
local nothing, why = dns.text { type = 'MX', preference = 10 }
assert(nothing == nil and why == 'exchange: missing')
assert(select(2, dns.text {}) == 'type: missing' and select(2, dns.text { type = 'NOPE' }) == 'type: unknown')
assert(not pcall(dns.text) and not pcall(dns.text, 'x'))

-- what cannot be
local function refused(t, why)
  t.name = 'x'
  local packet, message = dns.encode { answers = { t } }
  assert(packet == nil and message == 'answers[1].' .. why, message)
end
refused({ type = 'DS', key_tag = 1, algorithm = 'NOPE', digest_type = 2, digest = 'x' }, 'algorithm: bad number')
refused({ type = 'DS', key_tag = 1, algorithm = 256, digest_type = 2, digest = 'x' }, 'algorithm: out of range')
refused({ type = 'DS', key_tag = 1, algorithm = 1.5, digest_type = 2, digest = 'x' }, 'algorithm: a whole number is wanted')
refused({ type = 'DS', key_tag = 1, algorithm = 1, digest_type = 2, digest = '' }, 'rdata: does not fit the type')
refused({ type = 'DS', key_tag = 1, algorithm = 1, digest_type = 2 }, 'digest: missing')
refused({ type = 'NSEC', next_domain_name = 'a', type_bit_maps = { 'NOPE' } }, 'type_bit_maps: unknown type')
refused({ type = 'NSEC', next_domain_name = 'a', type_bit_maps = { {} } }, 'type_bit_maps: a list of strings is wanted')
refused({ type = 'NSEC', next_domain_name = {} }, 'next_domain_name: a string is wanted')
refused({ type = 'AMTRELAY', precedence = 1, relay_type = 128, relay = '.', discovery_optional = true }, 'relay_type: out of range')
refused({ type = 'AMTRELAY', precedence = 1, relay_type = 4, relay = '.', discovery_optional = true }, 'relay: unknown type of a gateway')
refused({ type = 'A6', prefix_length = 64, address_suffix = '::1' }, 'prefix_name: missing')
refused({ type = 'A6', prefix_length = 129 }, 'address_suffix: missing')
refused({ type = 'HIP', pk_algorithm = 1, hit = ('x'):rep(256), public_key = 'x' }, 'hit: more than 255 bytes')
refused({ type = 'NSEC3PARAM', hash_algorithm = 1, flags = 0, iterations = 0, salt = ('x'):rep(256) }, 'salt: more than 255 bytes')
refused({ type = 'SVCB', svcpriority = 1, targetname = '.', svcparams = { ['a b'] = '' } }, 'svcparams: unknown key of a service parameter')
refused({ type = 'SVCB', svcpriority = 1, targetname = '.', svcparams = { port = 'x' } }, 'svcparams: bad port')
refused({ type = 'SVCB', svcpriority = 1, targetname = '.', svcparams = { port = {} } }, 'svcparams: a table of strings is wanted')
refused({ type = 'LOC', version = 0, size = 0xaa, horiz_pre = 0, vert_pre = 0, latitude = 0, longitude = 0, altitude = 0 }, 'rdata: does not fit the type')
refused({ type = 'MX', rdata = '\0\1\192\12' }, 'rdata: does not fit the type')
refused({ type = 'MX', rdata = 1 }, 'rdata: a string is wanted')
refused({ type = 'MX', text = {} }, 'text: a string is wanted')

-- messages with bytes changed at random: refused, or what they become is written again and read the same
math.randomseed(20240101)
local packets = {}
for _, row in ipairs(types) do
  packets[#packets + 1] = dns.encode { id = 1, query = false, question = { name = 'x.y', type = row[1] },
    answers = { { name = 'x.y', type = row[1], text = row[2] } }, edns = { options = { { code = 3, data = 'ab' } } } }
end
local accepted = 0
local times = tonumber(arg[1] or 20000)
for i = 1, times do
  local p = packets[math.random(#packets)]
  for _ = 1, math.random(3) do
    local at = math.random(13, #p)
    p = p:sub(1, at - 1) .. string.char(math.random(0, 255)) .. p:sub(at + 1)
  end
  local m = dns.decode(p)
  if m then
    accepted = accepted + 1
    local again = assert(dns.encode(m))
    same(m, assert(dns.decode(again)), 'changed')
  end
end
assert(accepted > times / 20)
print('ok')
