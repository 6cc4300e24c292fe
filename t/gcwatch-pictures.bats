#!/usr/bin/env bats
# Recordings are read back, summed up and drawn.
load lib

# recording NAME: ten minutes of two metrics, one line each ten seconds
recording() {
	corun - >"$1" <<'LUA'
for i = 0, 59 do
  local t, base = 1795420800 + 10 * i, i < 40 and 30 or 12
  print(('%d\tsvc.gc\t10\t%d\t%d\t%d\t%d'):format(t, (base - 5) << 20, base << 20, (base + (i == 17 and 20 or 5)) << 20, base << 20))
  print(('%d\tsvc.co\t10\t%d\t%g\t%d\t%d'):format(t, 90 + i, 100.5 + i, 120 + i, 101 + i))
end
LUA
}

is_xml() {
	corun - "$1" <<'LUA'
-- well-formed as far as tags go: what opens is closed, in order
local text, stack = io.open(arg[1]):read('a'), {}
for slash, name, close in text:gmatch('<(/?)([%w]+)[^<>]-(/?)>') do
  if slash == '/' then assert(table.remove(stack) == name, name)
  elseif close == '' then stack[#stack + 1] = name end
end
assert(#stack == 0 and text:find('^<svg xmlns="http://www.w3.org/2000/svg" '))
assert(not text:gsub('&%a+;', ''):find('&'))
LUA
}

@test "-r without -o: the whole recording as one line for each metric" {
	recording x.tsv
	run --separate-stderr gcwatch -r x.tsv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${lines[0]}" = $'1795421390\tsvc.gc\t600\t7340032\t25165824\t52428800\t12582912' ]
	[ "${lines[1]}" = $'1795421390\tsvc.co\t600\t90\t130\t179\t160' ]
	[ "${#lines[@]}" -eq 2 ]
	[ "$(gcwatch -r - <x.tsv)" = "$output" ]
	[ "$(gcwatch -r x.tsv -m co -j)" = '{"epoch":1795421390,"name":"svc.co","count":600,"min":90,"avg":130,"max":179,"last":160}' ]
}

@test "recordings are put together" {
	recording x.tsv
	head -n 60 x.tsv >a.tsv
	tail -n 60 x.tsv >b.tsv
	[ "$(gcwatch -r b.tsv -r a.tsv | sort)" = "$(gcwatch -r x.tsv | sort)" ]
}

@test "-r with -o x.tsv copies what -m wants" {
	recording x.tsv
	gcwatch -r x.tsv -m .co -o y.tsv
	[ "$(cat y.tsv)" = "$(grep svc.co x.tsv)" ]
}

@test "a recording is complete up to the last interval, also after kill -9" {
	start watch gcwatch -v -l 127.0.0.1:0 -i 0.1 -o x.tsv
	local addr
	addr=$(wait_for watch.err 'listening at') && addr=${addr##* }
	printf 'a:1|c' | socat -u - "UDP:$addr"
	until_true eval '[ "$(wc -l <x.tsv)" -ge 3 ]'
	stop "$pid" KILL
	run --separate-stderr gcwatch -r x.tsv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(cut -f 2,3 <<<"$output")" = $'a\t1' ]
}

@test "bad lines of a recording are told and left out" {
	recording x.tsv
	sed -i -e '3s/\t[0-9]*$//' -e '5s/^/x/' x.tsv
	printf '%2000s\n' x >>x.tsv
	run --separate-stderr gcwatch -r x.tsv
	[ "$status" -eq 1 ]
	[ "${stderr_lines[0]}" = 'gcwatch: x.tsv:3: bad number' ]
	[ "${stderr_lines[1]}" = 'gcwatch: x.tsv:5: bad epoch' ]
	[ "${stderr_lines[2]}" = 'gcwatch: x.tsv:121: line too long' ]
	[ "${stderr_lines[3]}" = 'gcwatch: 3 bad lines left out' ]
	[ "$(cut -f 3 <<<"${lines[0]}")" -eq 580 ]
}

@test "a recording that is not there, and one that is empty" {
	run --separate-stderr gcwatch -r no.tsv
	[ "$status" -eq 1 ]
	[ "$stderr" = 'gcwatch: no.tsv: No such file or directory' ]
	run --separate-stderr gcwatch -r /dev/null -o empty.svg
	[ "$status" -eq 0 ]
	grep -q 'nothing was recorded' empty.svg
}

@test "-o x.svg: a panel for each metric, human units and times" {
	recording x.tsv
	run --separate-stderr gcwatch -r x.tsv -o x.svg
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	is_xml x.svg
	[ "$(grep -c '<circle' x.svg)" -eq 2 ]
	grep -q '>x.tsv</text>' x.svg
	grep -q '>svc.gc</tspan>  MiB</text>' x.svg
	grep -q '>min 7    avg 24    max 50 MiB at 08:02:50    10 minutes, a point every 10 seconds</text>' x.svg
	grep -q '>12 MiB</text>' x.svg
	grep -q '>min 90    avg 130    max 179 at 08:09:50 ' x.svg
	grep -q '>Mon 23 Nov 2026, 08:00:00 to 08:09:50 UTC</text>' x.svg
	grep -q '>08:05</text>' x.svg
	[ "$(stat -c %s x.svg)" -lt 10000 ]
}

@test "times are local" {
	recording x.tsv
	TZ=America/New_York gcwatch -r x.tsv -o x.svg
	grep -q '>Mon 23 Nov 2026, 03:00:00 to 03:09:50 EST</text>' x.svg
}

@test "--title and odd characters in it" {
	recording x.tsv
	gcwatch -r x.tsv -o x.svg --title '5 < 6 & "7"'
	grep -qF '>5 &lt; 6 &amp; &quot;7&quot;</text>' x.svg
	is_xml x.svg
}

@test "a command is drawn when it ends, its name over the picture" {
	run --separate-stderr gcwatch -o x.svg -i 0.1 sh -c 'sleep 0.5'
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	is_xml x.svg
	grep -q '>sh -c sleep 0.5</text>' x.svg
	grep -q '>proc.rss</tspan>' x.svg
}

@test "ten hours of two metrics take less than 50 KB, a week of seconds no more" {
	corun - 36000 60 >h.tsv <<'LUA'
for t = 0, arg[1] - 1, arg[2] do
  local v = math.random(1000000, 50000000)
  print(('%d\tsvc.gc\t60\t%d\t%d\t%d\t%d'):format(1795420800 + t, v // 2, v, v * 2, v))
  print(('%d\tsvc.co\t60\t%d\t%d\t%d\t%d'):format(1795420800 + t, v // 3, v // 2, v, v))
end
LUA
	gcwatch -r h.tsv -o h.svg
	[ "$(stat -c %s h.svg)" -lt 50000 ]
	grep -q '10 hours, a point every minute' h.svg
	corun - >w.tsv <<'LUA'
for t = 0, 7 * 86400 - 1 do
  local v = t == 333333 and 99e6 or 1e6
  print(('%d\tsvc.gc\t1\t%d\t%d\t%d\t%d'):format(1795420800 + t, v, v, v, v))
end
LUA
	gcwatch -r w.tsv -o w.svg
	[ "$(stat -c %s w.svg)" -lt 50000 ]
	grep -q 'max 94.4 MiB at Fri 04:35    7 days, a point every second' w.svg
}

@test "-o x.png with gnuplot" {
	recording x.tsv
	run --separate-stderr gcwatch -r x.tsv -o x.png --title "it's {a} _title_"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(head -c 8 x.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
	# width and height stand in the first chunk: twice 960 x 534
	[ "$(od -An -j16 -N8 -tu4 --endian=big x.png | xargs)" = '1920 1116' ]
}

@test "-o x.png without gnuplot: a message, and an SVG" {
	local gcwatch
	recording x.tsv
	mkdir bin
	gcwatch=$(command -v gcwatch)
	run --separate-stderr env PATH="$PWD/bin" "$gcwatch" -r x.tsv -o x.png
	[ "$status" -eq 0 ]
	[ "$stderr" = 'gcwatch: gnuplot is not installed: writing x.svg instead' ]
	is_xml x.svg
	[ ! -e x.png ]
}

@test "a gnuplot that fails is told" {
	recording x.tsv
	mkdir bin
	printf '#!/bin/sh\nexit 3\n' >bin/gnuplot
	chmod +x bin/gnuplot
	run --separate-stderr env PATH="$PWD/bin:$PATH" gcwatch -r x.tsv -o x.png
	[ "$status" -eq 1 ]
	[[ $stderr =~ 'gcwatch: x.png: gnuplot could not draw it' ]]
}

@test "a picture that cannot be written is told before anything is watched" {
	run --separate-stderr gcwatch -o no/where.svg touch ran
	[ "$status" -eq 1 ]
	[ "$stderr" = 'gcwatch: no/where.svg: No such file or directory' ]
	[ ! -e ran ]
}

@test "more metrics than a picture holds" {
	corun - >x.tsv <<<'for i = 1, 30 do print(("1795420800\tm%d\t1\t1\t1\t1\t1"):format(i)) end'
	run --separate-stderr gcwatch -r x.tsv -o x.svg
	[ "$status" -eq 0 ]
	[ "$stderr" = 'gcwatch: a picture has room for 24 metrics, and there are more: choose with -m' ]
	[ "$(grep -c '<circle' x.svg)" -eq 24 ]
}
