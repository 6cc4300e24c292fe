# coop.run: child processes whose streams suspend only the coroutine that waits for them.

# shellcheck disable=SC2154 # lib.bash and bats set variables
load lib

@test "streams, status, and a command that is not there" {
	cat >run.lua <<-'LUA'
		local c = assert(coop.run { 'sh', '-c', 'cat; echo err >&2; exit 3' })
		c.stdin:write('hello\n', 'world\n')
		c.stdin:close()
		io.write(c.stdout:read('a'))
		print(c.stderr:read())
		print(c:wait(), c:wait())
		print(coop.run { '/no/such/thing' })
		print(coop.run({ 'echo', 'inherited', stdout = false }):wait())
		print(pcall(coop.run, {}), pcall(coop.run, { {} }))
	LUA
	run --separate-stderr timeout 10 corun run.lua
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = hello ]
	[ "${lines[1]}" = world ]
	[ "${lines[2]}" = err ]
	[ "${lines[3]}" = $'3\t3' ]
	[ "${lines[4]}" = $'nil\t/no/such/thing: No such file or directory' ]
	[[ $output == *inherited* ]]
	[[ ${lines[-1]} == false*"a command and its arguments are wanted"*false*"a command and its arguments are texts"* ]] ||
		[[ ${lines[-1]} == false*"a command and its arguments are texts"* ]]
}

@test "many at once, ended by signals, by time-outs and by the end of their scope" {
	cat >many.lua <<-'LUA'
		local begun = coop.now()
		do
		  local g <close> = coop.group()
		  for _ = 1, 20 do g:spawn(function() assert(coop.run({ 'sleep', '0.2' }):wait() == 0) end) end
		  g:wait()
		end
		print('together', coop.now() - begun < 2)
		local c = coop.run { 'sleep', '100' }
		print(c:wait(0.02))
		print(c:kill('KILL'), c:wait())
		print(c:kill())
		local kept
		do
		  local child <close> = coop.run { 'sleep', '100' }
		  kept = child
		end
		print(kept:wait())
	LUA
	run --separate-stderr timeout 20 corun many.lua
	[ "$status" -eq 0 ]
	[ "$output" = $'together\ttrue\nnil\ttimeout\ntrue\t137\nnil\tthe child has ended\n143' ]
	[ "$stderr" = "" ]
}

@test "a child that has stopped reading is an error of the write" {
	run -0 --separate-stderr timeout 10 corun -e '
		local c = coop.run { "true" }
		c:wait()
		print(c.stdin:write(("x"):rep(1000000)))'
	[ "$output" = $'nil\tBroken pipe' ]
}
