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

@test "another directory, another environment; what cannot be had is named" {
	mkdir -p sub
	cat >run.lua <<-'LUA'
		local function say(t)
			local c, err = coop.run(t)
			print(c and c.stdout:read('a'):gsub('\n', ' ') or err)
		end
		local sh = 'echo ${PWD##*/} ${KEPT-none} ${A-none} ${GONE-none}'
		say { 'sh', '-c', sh }
		say { 'sh', '-c', sh, cwd = 'sub' }
		say { 'sh', '-c', sh, env = { A = 'x=y z', GONE = false, NONE = false } }
		say { './there', cwd = 'sub' }
		say { 'sh', cwd = '/no/such/place' }
		print(select(2, pcall(coop.run, { 'true', cwd = {} })))
		print(select(2, pcall(coop.run, { 'true', env = 'A=1' })))
		print(select(2, pcall(coop.run, { 'true', env = { ['A=1'] = '2' } })))
		print(select(2, pcall(coop.run, { 'true', env = { A = true } })))
		print(os.getenv('GONE'), os.getenv('A'))
	LUA
	printf '#!/bin/sh\necho there\n' >sub/there
	chmod +x sub/there
	KEPT=1 GONE=2 run --separate-stderr timeout 10 corun run.lua
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *" 1 none 2"* ]]
	[[ ${lines[1]} == "sub 1 none 2"* ]]
	[[ ${lines[2]} == *" 1 x=y z none"* ]]
	[[ ${lines[3]} == there* ]]
	[ "${lines[4]}" = "/no/such/place: No such file or directory" ]
	[[ ${lines[5]} == *"cwd: the name of a directory is wanted"* ]]
	[[ ${lines[6]} == *"env: a table of names and texts is wanted"* ]]
	[[ ${lines[7]} == *"env: names are texts without ="* ]]
	[[ ${lines[8]} == *"env: values are texts, or false"* ]]
	[ "${lines[9]}" = $'2\tnil' ]
}

@test "many at once, ended by signals, by time-outs and by the end of their scope" {
	cat >many.lua <<-'LUA'
		local begun = coop.now()
		do
		  local g <close> = coop.group()
		  for _ = 1, 20 do g:spawn(function() assert(coop.run({ 'sleep', '0.5' }):wait() == 0) end) end
		  g:wait()
		end
		print('together', coop.now() - begun < 8)
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
