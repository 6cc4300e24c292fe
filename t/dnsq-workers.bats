# dnsq -w: several processes, one input, one output.

# shellcheck disable=SC2154 # lib.bash and bats set variables
load lib

@test "every line is answered once, whole, by whoever has time" {
	port=$(free_port)
	start server "$build/bench/dnsserver" "$port"
	seq 1 30000 | sed 's/$/.example.com/' >names
	run --separate-stderr dnsq -w 3 -@ "127.0.0.1:$port" <names
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 30000 ]
	# through a pipe, too, and none is cut by another
	cat names | dnsq -w 3 -@ "127.0.0.1:$port" | cut -f 1,3- | sort >got
	sed 's/$/.\tIN\tA\t192.0.2.1/' names | sort | diff - got
}

@test "a bad line is reported with its number in the input, and costs only itself" {
	port=$(free_port)
	start server "$build/bench/dnsserver" "$port"
	{
		echo '# a comment'
		seq 1 5000 | sed 's/$/.example.com/'
		echo 'bad..name'
		printf '%20000s\n' '' | tr ' ' x
		echo last.example.com
		printf 'b..c'
	} >names
	run --separate-stderr dnsq -w 2 -s -@ "127.0.0.1:$port" <names
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 5001 ]
	[ "$(grep -c . <<<"$stderr")" -eq 3 ]
	grep -q '^dnsq: line 5002: bad..name: empty label$' <<<"$stderr"
	grep -q '^dnsq: line 5003: xxx.*: label of more than 63 bytes$' <<<"$stderr"
	grep -q '^dnsq: line 5005: b..c: empty label$' <<<"$stderr"
}

@test "nothing to do, and a reader that has gone" {
	run --separate-stderr timeout 10 dnsq -w 2 -@ 127.0.0.1:1 </dev/null
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	port=$(free_port)
	start server "$build/bench/dnsserver" "$port"
	yes a.example.com | timeout 20 dnsq -w 2 -@ "127.0.0.1:$port" 2>err | head -n 1 >out
	[ "$(cut -f 1 out)" = a.example.com. ]
	[ ! -s err ]
}

@test "an unanswered question is told by the exit status; a summary of each" {
	run --separate-stderr timeout 20 dnsq -w 2 -v -T 0.1 -a 1 -@ 127.0.0.1:1 <<<'a.example'
	[ "$status" -eq 1 ]
	[[ $output == '; a.example. A '* ]]
	grep -q '^dnsq\[1\]: [01] questions in' <<<"$stderr"
	grep -q '^dnsq\[2\]: [01] questions in' <<<"$stderr"
}

@test "what does not go together, and no such number" {
	for option in -o -R; do
		run --separate-stderr dnsq -w 2 "$option" </dev/null
		[ "$status" -eq 2 ]
		[ "${stderr_lines[0]}" = "dnsq: $option does not go with -w" ]
	done
	run --separate-stderr dnsq -w 0 </dev/null
	[ "$status" -eq 2 ]
}
