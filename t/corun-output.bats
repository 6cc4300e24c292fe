# What a script prints: as lua(1) has it, but a slow reader keeps only the coroutine waiting that prints.

# shellcheck disable=SC2154 # lib.bash and bats set variables
load lib

# reads_after FILE: a reader who takes nothing until the file is there
reads_after() {
	until_true test -e "$1"
	cat
}

@test "the same as lua5.4, to a pipe, to a file, and both ways at once" {
	lua5.4 "$top/t/lua/output.lua" 2>want.err | cat >want
	timeout 20 corun "$top/t/lua/output.lua" 2>got.err | cat >got
	diff want got
	diff want.err got.err
	lua5.4 "$top/t/lua/output.lua" >want 2>&1
	timeout 20 corun "$top/t/lua/output.lua" >got 2>&1
	diff want got
	timeout 20 corun "$top/t/lua/output.lua" 2>&1 | cat >got
	diff <(grep -v '^buffered' want) <(grep -v '^buffered' got)
}

@test "a slow reader keeps only those waiting who print" {
	cat >slow.lua <<-'LUA'
		local ended = coop.channel(4)
		spawn(function() for i = 1, 20000 do print('print', i) end ended:put(1) end)
		spawn(function() for i = 1, 20000 do io.write('write\t', i, '\n') end ended:put(1) end)
		spawn(function() for i = 1, 20000 do assert(io.stdout:write('method\t', i, '\n') == io.stdout) end ended:put(1) end)
		local lines = coroutine.wrap(function()
		  for i = 1, 20000 do print('wrap', i) coroutine.yield(i) end
		end)
		spawn(function() for _ in lines do end ended:put(1) end)
		-- nobody has read anything yet
		for _ = 1, 20 do sleep(0.001) end
		io.open('go', 'w'):close()
		for _ = 1, 4 do ended:get() end
	LUA
	timeout 30 corun slow.lua | reads_after go >got
	for how in print write method wrap; do
		seq -f "$how	%.0f" 20000 | diff - <(grep "^$how" got)
	done
}

@test "standard error is no other" {
	timeout 30 corun -e '
		spawn(function() for i = 1, 20000 do io.stderr:write(i, "\n") end end)
		for _ = 1, 20 do sleep(0.001) end
		io.open("go", "w"):close()' 2>&1 >/dev/null | reads_after go >got
	seq 20000 | diff - got
}

@test "nothing is lost and nobody is overtaken, however it ends" {
	local long='("x"):rep(300000)'
	for chunk in \
		"print($long) print('end')" \
		"print($long) print('end') os.exit(0)" \
		"print($long) print('end') os.exit(0, true)" \
		"spawn(function() print($long) print('end') os.exit(0) end) coop.channel():get()" \
		"coroutine.wrap(function() print($long) print('end') os.exit(0) end)()" \
		"string.gsub('a', 'a', function() print($long) print('end') os.exit(0) end)" \
		"string.gsub('a', 'a', function() io.write($long, '\n') print('end') end)" \
		"io.stdout:setvbuf('full') io.write($long, '\nend\n')" \
		"local x <close> = setmetatable({}, {__close = function() print($long) print('end') end}) os.exit(0)" \
		"setmetatable({}, {__gc = function() print($long) print('end') end})"; do
		timeout 20 corun -e "$chunk" | { sleep 0.05; cat; } >got
		[ "$(wc -c <got)" -eq 300005 ]
		[ "$(tail -n 1 got)" = end ]
	done
}

@test "errors and what is written on standard error keep their order in one pipe" {
	timeout 30 corun -e '
		spawn(function() for _ = 1, 20 do sleep(0.001) end io.open("go", "w"):close() end)
		for i = 1, 20000 do
		  if i % 2 == 0 then print(i) else io.stderr:write(i, "\n") end
		end
		io.write("last")
		error("the error")' 2>&1 | reads_after go >got
	seq 20000 | diff - <(head -n 20000 got)
	sed -n 20001p got | grep -q '^lastcorun: .*the error$'
}

@test "who is interrupted does not wait for ever for a reader who does not read" {
	mkfifo pipe
	sleep 60 <pipe &
	pids+=($!)
	corun -e 'spawn(function() sleep(0.01) io.open("go", "w"):close() end) while true do print(1) end' >pipe 3>&- &
	pid=$!
	pids+=("$pid")
	until_true test -e go
	stop "$pid" INT
	[ "$status" -eq 130 ]
}

@test "a terminal that has been stopped stops only those who print" {
	tmux -L "$$-$BATS_TEST_NUMBER" -f /dev/null new-session -d -x 80 -y 24 "corun -e '
		local f = io.open(\"ticks\", \"w\")
		spawn(function() while true do f:write(\"tick\\n\") f:flush() sleep(0.01) end end)
		print \"type\" io.stdout:flush()
		if io.read() ~= \"now\" then os.exit(1) end
		io.open(\"stopped\", \"w\"):close()
		while true do print(1) end'"
	wait_for ticks tick
	# a line, then what stops the output of a terminal
	tmux -L "$$-$BATS_TEST_NUMBER" send-keys C-s
	tmux -L "$$-$BATS_TEST_NUMBER" send-keys now Enter
	until_true test -e stopped
	local n
	n=$(wc -l <ticks)
	until_true more_ticks "$((n + 20))"
	tmux -L "$$-$BATS_TEST_NUMBER" kill-server
}

more_ticks() {
	[ "$(wc -l <ticks)" -ge "$1" ]
}

@test "the pipe is left as it is for those who share it" {
	# a program that sets O_NONBLOCK on it makes the others lose what they write
	{
		timeout 20 corun -e 'print(("x"):rep(100))'
		cat /proc/self/fdinfo/1
	} | cat >got
	# 04000 is O_NONBLOCK
	[ $((8#$(awk '/^flags/ { print $2 }' got) & 8#4000)) -eq 0 ]
}

@test "a reader who has gone ends it quietly" {
	run --separate-stderr bash -c 'corun -e "while true do print(1) end" | head -n 1; echo "${PIPESTATUS[0]}"'
	[ "$output" = $'1\n0' ]
	[ -z "$stderr" ]
	run --separate-stderr bash -c 'corun -e "print(1) while true do coop.yield() io.write((\"x\"):rep(100000)) end" | head -n 1; echo "${PIPESTATUS[0]}"'
	[ "$output" = $'1\n0' ]
	[ -z "$stderr" ]
}
