# io.* and os.execute: as lua(1) has them, but only the calling coroutine waits.

# shellcheck disable=SC2154 # lib.bash and bats set variables
load lib

input() {
	printf 'first\nsecond\n12 0x1F -3.5e2 x rest\nabcde\n1\n2\nstop\nxab\nzcd\nthe rest\nof all'
}

@test "the same as lua5.4, from a pipe, a file, and nothing" {
	input >in
	cat in | lua5.4 "$top/t/lua/io.lua" >want 2>&1
	cat in | timeout 20 corun "$top/t/lua/io.lua" >got 2>&1
	diff want got
	lua5.4 "$top/t/lua/io.lua" <in >want 2>&1
	timeout 20 corun "$top/t/lua/io.lua" <in >got 2>&1
	diff want got
	timeout 20 corun "$top/t/lua/io.lua" </dev/null >got 2>&1 || true
	lua5.4 "$top/t/lua/io.lua" </dev/null >want 2>&1 || true
	diff <(grep -v '^\(stack\|.\[C\]\|	\)' want | sed 's/^[^:]*lua[0-9.]*: //') <(grep -v '^\(stack\|	\)' got | sed 's/^corun: //')
}

@test "whoever waits for input waits alone" {
	mkfifo in
	cat >wait.lua <<-'LUA'
		spawn(function()
		  for i = 1, 3 do sleep(0.01) print('tick ' .. i) end
		  print 'ready' io.stdout:flush()
		end)
		print('read ' .. io.read())
		for line in io.lines() do print('line ' .. line) end
		print 'end'
	LUA
	corun wait.lua <in >out 2>err 3>&- &
	pids+=($!)
	exec 7>in
	wait_for out '^ready$'
	echo one >&7
	wait_for out '^read one$'
	printf 'two\nthr' >&7
	wait_for out '^line two$'
	printf 'ee\n' >&7
	wait_for out '^line three$'
	exec 7>&-
	wait_for out '^end$'
	[ ! -s err ]
}

@test "commands run side by side, and nobody waits for another's" {
	cat >popen.lua <<-'LUA'
		local begun = coop.now()
		for i = 1, 20 do
		  spawn(function()
		    local p = io.popen('sleep 0.5; echo ' .. i)
		    assert(p:read('n') == i)
		    assert(p:close())
		    assert(os.execute('sleep 0.5'))
		  end)
		end
		repeat sleep(0.01) until coop.count() == 1
		-- one after the other it would be twenty seconds
		print(coop.now() - begun < 10)
	LUA
	run --separate-stderr timeout 30 corun popen.lua
	[ "$status" -eq 0 ]
	[ "$output" = true ]
	[ -z "$stderr" ]
}

@test "where nobody can wait, os.execute waits for all" {
	run --separate-stderr corun -e 'local t = { 2, 1 } table.sort(t, function(a, b) assert(os.execute("true")) return a < b end) print(t[1])'
	[ "$status" -eq 0 ]
	[ "$output" = 1 ]
}

@test "a terminal is waited for as well" {
	tmux -L "$$-$BATS_TEST_NUMBER" -f /dev/null new-session -d -x 80 -y 24 \
		"corun -e 'spawn(function() while true do sleep(0.01) end end) print(\"got \" .. io.read()) os.exit(0)' 2>&1 | tee out; cat"
	tmux -L "$$-$BATS_TEST_NUMBER" send-keys 'hello' Enter
	wait_for out '^got hello'
	tmux -L "$$-$BATS_TEST_NUMBER" kill-server
}

@test "input that other programs share is left as it is" {
	# a program that sets O_NONBLOCK on it breaks those that come after it
	input | { timeout 10 corun -e 'print(io.read())'; read -r -N 1 -t 1 _ || true; cat /proc/self/fdinfo/0 >flags; } | grep -q first
	# 04000 is O_NONBLOCK
	[ $((8#$(awk '/^flags/ { print $2 }' flags) & 8#4000)) -eq 0 ]
}

@test "a fifo is opened, read and written while the others go on" {
	mkdir fifos
	run --separate-stderr timeout 30 corun "$top/t/lua/fifo.lua" fifos
	[ "$status" -eq 0 ]
	[ "$output" = ok ]
	[ -z "$stderr" ]
}

@test "where nobody can wait, a fifo is opened as lua opens it" {
	mkfifo in
	echo hello >in &
	pids+=($!)
	run --separate-stderr timeout 10 corun -e '
		string.gsub("a", "a", function() f = assert(io.open("in")) end)
		print(f:read())'
	[ "$output" = hello ]
}

@test "a terminal by its name is waited for as well" {
	tmux -L "$$-$BATS_TEST_NUMBER" -f /dev/null new-session -d -x 80 -y 24 "corun -e '
		spawn(function() while true do sleep(0.01) end end)
		local t = assert(io.open(\"/dev/tty\", \"r+\"))
		t:write(\"say: \")
		print(\"got \" .. t:read())
		os.exit(0)' 2>&1 </dev/null | tee out; cat"
	tmux -L "$$-$BATS_TEST_NUMBER" send-keys 'hello' Enter
	wait_for out '^got hello'
	tmux -L "$$-$BATS_TEST_NUMBER" kill-server
}

@test "several coroutines read the standard input, each whole lines" {
	cat >readers.lua <<-'LUA'
		for i = 1, 3 do
			spawn(function() for a, b in io.lines(nil, 'n', 'l') do print(i, a, b) end end)
		end
	LUA
	run --separate-stderr timeout 20 corun readers.lua < <(for i in 1 2 3 4 5 6; do echo "$i line $i"; sleep 0.02; done)
	[ "$status" -eq 0 ]
	[ "$(sort -k 2n <<<"$output" | cut -f 2,3)" = "$(for i in 1 2 3 4 5 6; do printf '%d\t line %d\n' $i $i; done)" ]
}
