-- A zone as BIND writes one, whole names on each line, to lines of type and rdata in hexadecimal.
for line in io.lines() do
  local type, text = line:match('^%S+%s+%d+%s+IN%s+(%S+)%s*(.*)$')
  if type then
    local packet = assert(dns.encode { answers = { { name = 'x.', type = type, text = text } } })
    print(type .. '\t' .. packet:sub(12 + 3 + 10 + 1):gsub('.', function(c) return ('%02X'):format(c:byte()) end))
  end
end
