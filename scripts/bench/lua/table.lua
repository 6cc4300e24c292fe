-- table.lua RESULTS GOALS TSV TITLE SUBJECT...: medians of what lib.bash noted, the goals below each row and whether they are reached.
-- The first subject is ours. With TSV not empty, a line for each row and subject: work, unit, subject, median, least, most, runs, ours
-- divided by it, the most that this may be (>= if it is the least), yes or no.
local results, goals, tsv, title = arg[1], arg[2], arg[3] ~= '', arg[4]
local subjects = table.pack(table.unpack(arg, 5))

local function fields(line)
  local t = {}
  for field in (line .. '\t'):gmatch('([^\t]*)\t') do t[#t + 1] = field end
  return t
end

local rows, units, values, wanted = {}, {}, {}, {}
for line in io.lines(results) do
  local subject, row, value, unit = table.unpack(fields(line))
  if not units[row] then
    rows[#rows + 1] = row
    units[row] = unit
    values[row] = {}
    wanted[row] = {}
  end
  local list = values[row][subject] or {}
  list[#list + 1] = assert(tonumber(value), line)
  values[row][subject] = list
end
for line in io.lines(goals) do
  local row, bound, subject, least = table.unpack(fields(line))
  if wanted[row] then table.insert(wanted[row], { bound = tonumber(bound), subject = subject, least = least == 'least' }) end
end

local function median(list)
  if not list then return nil end
  table.sort(list)
  local n = #list
  return n % 2 == 1 and list[n // 2 + 1] or (list[n // 2] + list[n // 2 + 1]) / 2
end

local function short(v)
  return string.format(v < 0.1 and '%.4f' or v < 9.995 and '%.2f' or v < 1000 and '%.1f' or '%.0f', v)
end

-- ours beside a goal: the figure that counts, and whether it is reached
local function judge(row, g)
  local ours = median(values[row][subjects[1]])
  local peer = g.subject ~= '' and median(values[row][g.subject])
  if not ours or peer == nil then return nil end
  local figure = peer and ours / peer or ours
  if g.least then return figure, figure >= g.bound end
  return figure, figure <= g.bound
end

local function print_row(row)
  local line = string.format('%-52s %6s', row, units[row])
  for i = 1, subjects.n do
    local v = median(values[row][subjects[i]])
    line = line .. string.format(' %8s', v and short(v) or '-')
  end
  print(line)
  local told = {}
  for _, g in ipairs(wanted[row]) do
    local figure, reached = judge(row, g)
    local judgement = string.format('(at %s %.15g: %s)', g.least and 'least' or 'most', g.bound, reached and 'yes' or 'NO')
    if figure and g.subject ~= '' then
      told[#told + 1] = string.format('%.2f x %s %s', figure, g.subject, judgement)
    elseif figure then
      told[#told + 1] = string.format('%s %s', short(figure), judgement)
    end
  end
  if #told > 0 then print('    ' .. table.concat(told, ', ')) end
end

local function print_tsv(row)
  local ours = median(values[row][subjects[1]])
  for i = 1, subjects.n do
    local list = values[row][subjects[i]]
    if list then
      local m, most, reached = median(list), '', ''
      for _, g in ipairs(wanted[row]) do
        if g.subject == subjects[i] or (g.subject == '' and i == 1) then
          local _, ok = judge(row, g)
          if ok ~= nil then most, reached = g.least and '>=' .. g.bound or g.bound, ok and 'yes' or 'no' end
        end
      end
      local ratio = ours and m ~= 0 and string.format('%.3f', ours / m) or ''
      print(table.concat({ row, units[row], subjects[i], string.format('%.6g', m), string.format('%.6g', list[1]),
        string.format('%.6g', list[#list]), #list, ratio, most, reached }, '\t'))
    end
  end
end

if not tsv then
  print(title)
  local line = string.format('%-52s %6s', 'work', '')
  for i = 1, subjects.n do line = line .. string.format(' %8s', subjects[i]) end
  print(line)
end
for _, row in ipairs(rows) do
  if tsv then print_tsv(row) else print_row(row) end
end
