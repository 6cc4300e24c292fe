#!/usr/bin/env bats
# What scripts get of messages, and what they can do wrong. Most of it is in t/lua, each file of which is a row of tests of its own.
# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
load lib

passes() {
	LUA_PATH="$top/t/lua/?.lua;;" run --separate-stderr timeout 60 corun "$@"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[[ $output =~ ^'all '[1-9][0-9]*' passed'$ ]]
	[ -z "$stderr" ]
}

@test "sip.parse and sip.build at the corners of the grammar, and all of RFC 4475 and RFC 5118 through both" {
	passes "$top/t/lua/sip-messages.lua" "$top"/t/data/rfc4475/* "$top"/t/data/rfc5118/*
}

@test "req:reply and req:redirect: what is wrong is named, nothing can be smuggled in" {
	passes "$top/t/lua/sip-answers.lua"
}

@test "sipd: location, which it has not, says so" {
	echo 'function request(req) req:reply(200, (select(2, pcall(location[req.uri.user], location)):match("location:.*"))) end' >script.lua
	start sipd sipd -l 127.0.0.1:0 script.lua
	port=$(wait_for sipd.err 'listening on udp') port=${port##*:}
	for name in save lookup remove; do
		run sipsak -vv -s "sip:$name@127.0.0.1:$port"
		[[ $output == *"200 location: this version of sipd keeps no locations"* ]]
	done
}
