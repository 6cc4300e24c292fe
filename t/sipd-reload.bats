#!/usr/bin/env bats
# A script that is read again while requests are in work; how many requests may be; what is logged, and what is counted.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

script() {
	printf '%s\n' "$1" >script.lua
}

# sipd_with SCRIPT [OPTION...]: starts sipd with it on a port of the system's choice, in $port
sipd_with() {
	script "$1"
	shift
	start sipd sipd -l 127.0.0.1:0 "$@" script.lua
	port=$(wait_for sipd.err '^sipd: listening on udp:127\.0\.0\.1:[0-9]+$')
	port=${port##*:}
}

# client CHUNK: a corun script with c, a client of that sipd; what it prints in $output
client() {
	printf "local c = require 'sipclient' ('127.0.0.1:%s')\n%s\n" "$port" "$1" >client.lua
	LUA_PATH="$top/t/lua/?.lua" run --separate-stderr timeout 30 corun client.lua
	printf 'client: %s\n%s\nlog:\n%s\n' "$output" "$stderr" "$(cat sipd.err)"
}

@test "SIGHUP: requests in work end with the old script, new ones begin with the new one" {
	sipd_with 'word = "old" function request(req) if req.method == "INFO" then sleep(1) end req:reply(200, word) end'
	script 'word = word or "new" function request(req) req:reply(200, word) end'
	client "
		c:send(c:request('INFO', 'sip:x'))
		print(c:ask('OPTIONS', 'sip:x').reason)
		assert(os.execute('kill -HUP $pid'))
		local n = 0
		repeat
			n = n + 1
			local reason = c:ask('OPTIONS', 'sip:x').reason
		until reason == 'new' or n > 100000
		print(n < 100000, c:receive().reason)"
	[ "$output" = $'old\ntrue\told' ]
	wait_for sipd.err '^sipd: script.lua is in force$'
}

@test "SIGHUP with a script that is no good: the log says so, the old one goes on" {
	sipd_with 'function request(req) req:reply(200, "Old") end'
	for bad in 'function request(' 'error "no good"' 'x = 1' 'request = nil function other() end' 'max_requests = 0 function request() end' 'supported = 5 function request() end' \
		'function request(req) req:reply(200, "New") end error "late"' 'sleep(0.01) error "later"'; do
		script "$bad"
		: >sipd.err
		kill -HUP "$pid"
		wait_for sipd.err '^sipd: script.lua is no good: the old one goes on$'
		[ "$(wc -l <sipd.err)" -eq 2 ]
		client "print(c:ask('OPTIONS', 'sip:x').reason)"
		[ "$output" = Old ]
	done
	rm script.lua
	: >sipd.err
	kill -HUP "$pid"
	wait_for sipd.err 'the old one goes on'
	client "print(c:ask('OPTIONS', 'sip:x').reason)"
	[ "$output" = Old ]
}

@test "SIGHUP: a reading that is overtaken by a later one does not count" {
	sipd_with 'function request(req) req:reply(200, "First") end'
	script 'io.stderr:write "begun\n" repeat sleep(0.02) until io.open "go" function request(req) req:reply(200, "Second") end'
	kill -HUP "$pid"
	wait_for sipd.err '^begun$'
	script 'function request(req) req:reply(200, "Third") end'
	kill -HUP "$pid"
	wait_for sipd.err '^sipd: script.lua is in force$'
	: >go
	wait_for sipd.err '^sipd: script.lua has been read again meanwhile'
	client "print(c:ask('OPTIONS', 'sip:x').reason)"
	[ "$output" = Third ]
}

@test "SIGHUP: the service that is built in has nothing to read again" {
	start sipd sipd -l 127.0.0.1:0
	wait_for sipd.err listening
	kill -HUP "$pid"
	wait_for sipd.err '^sipd: there is no script to be read again$'
	stop "$pid"
	[ "$status" -eq 0 ]
}

@test "max_requests: more in work than that get 503 with Retry-After, and the script may change it" {
	sipd_with 'max_requests = 2 function request(req) sleep(0.5) req:reply(200) end'
	client "
		for i = 1, 3 do c:send(c:request('OPTIONS', 'sip:x')) end
		local r = c:receive()
		print(r.status, tonumber(r.field['retry-after']) > 0, c:receive().status, c:receive().status)"
	[ "$output" = $'503\ttrue\t200\t200' ]
	wait_for sipd.err '^sipd: OPTIONS from 127.0.0.1:[0-9]+ refused: 2 requests are in work, Call-ID '
	script 'max_requests = 3 function request(req) sleep(0.5) req:reply(200) end'
	kill -HUP "$pid"
	wait_for sipd.err 'in force'
	client "
		for i = 1, 3 do c:send(c:request('OPTIONS', 'sip:x')) end
		print(c:receive().status, c:receive().status, c:receive().status)"
	[ "$output" = $'200\t200\t200' ]
	script 'max_requests = "many" function request() end'
	run --separate-stderr sipd -n script.lua
	[ "$status" -eq 2 ]
	[[ $stderr == *max_requests* ]]
}

@test "a flood of rubbish, or of requests that fail: some lines, then how many more" {
	sipd_with 'function request(req) if req.method == "INFO" then error "no good" end req:reply(200) end'
	client "
		for i = 1, 500 do c:send('rubbish') end
		for i = 1, 100 do c:send(c:request('INFO', 'sip:x')) end
		for i = 1, 100 do assert(c:receive().status == 500) end
		print(c:ask('OPTIONS', 'sip:x').status)"
	[ "$output" = 200 ]
	wait_for sipd.err '^sipd: [0-9]+ more bad messages in a second$'
	wait_for sipd.err '^sipd: [0-9]+ more requests that failed in a second$'
	[ "$(grep -c 'sipd: bad message' sipd.err)" -le 100 ]
	[ "$(grep -c 'no good' sipd.err)" -le 60 ]
}

@test "gauges: requests, answers by class, latency" {
	cat >statsd.lua <<-'LUA'
		local s = net.udp('127.0.0.1:0')
		io.stderr:write('here ', s:localaddr(), '\n')
		local sum, p99 = {}, 0
		repeat
			for name, value in s:recvfrom(10):gmatch('sipd%.([%w_]+):([%d.]+)|g') do
				sum[name] = (sum[name] or 0) + tonumber(value)
				if name == 'p99' then p99 = math.max(p99, tonumber(value)) end
			end
		until (sum.answers_2xx or 0) == 3 and sum.answers_4xx == 2
		print(sum.requests, sum.malformed, sum.retransmissions, p99 > 100, sum.answers_1xx, sum.connections)
	LUA
	start statsd corun statsd.lua
	statsd=$pid
	at=$(wait_for statsd.err '^here ')
	sipd_with 'function request(req) if req.method == "INFO" then sleep(0.15) end req:reply(req.method == "BYE" and 481 or 200) end' -s "${at#here }"
	client "
		c:ask('INFO', 'sip:x') c:ask('OPTIONS', 'sip:x') c:ask('BYE', 'sip:x')
		local again = c:request('OPTIONS', 'sip:x')
		for i = 1, 2 do c:send(again) c:receive() end
		c:ask('OPTIONS', 'sip:x', { CSeq = 'x OPTIONS' })"
	ended "$statsd"
	[ "$(cat statsd.out)" = $'4\t1\t1\ttrue\t0\t0' ] || [ "$(cat statsd.out)" = $'4.0\t1.0\t1.0\ttrue\t0.0\t0.0' ]
}
