#!/usr/bin/env bats
# -g draws on the terminal. tmux is the terminal.
load lib

eval "end_programs() $(declare -f teardown | tail -n +2)"

teardown() {
	TMUX_TMPDIR=$PWD tmux -L coop kill-server 2>/dev/null
	end_programs
}

# terminal COLUMNS ROWS COMMAND
terminal() {
	export TMUX_TMPDIR=$PWD
	tmux -L coop -f /dev/null new-session -d -s "t$BATS_TEST_NUMBER" -x "$1" -y "$2" "cd $PWD; PATH=$PATH; TZ=UTC; export PATH TZ; $3; sleep 20" 3>&-
}

screen() {
	tmux -L coop capture-pane -p "$@" -t "t$BATS_TEST_NUMBER"
}

shows() {
	screen | grep -qE -- "$1"
}

script='for i = 1, 200 do stat.gauge("x.level", 5 + i % 7) stat.gauge("x.gc", i * 100000) sleep(0.02) end'

@test "braille in a UTF-8 locale, names, figures and units" {
	terminal 80 24 "LC_ALL=C.UTF-8 gcwatch -g -i 0.2 -m x. corun -e '$script'"
	until_true shows 'x.gc  1[0-9]\.[0-9] MiB   min 1.* avg 1.* max 1.* MiB'
	shows '^x.level  [0-9]+   min 5   avg [0-9.]+   max 11'
	screen | grep -qP '│.*[\x{2801}-\x{28ff}]{2}'
	shows '^          28 seconds ago +now$'
	[ "$(screen | wc -L)" -le 79 ]
}

@test "plain ASCII elsewhere" {
	terminal 80 24 "LC_ALL=C gcwatch -g -i 0.2 -m x. corun -e '$script'"
	until_true shows 'x.gc  1[0-9]\.[0-9] MiB'
	screen | grep -qE '\|.*\*\*'
	screen | grep -qE '\|.*:'
	[ -z "$(screen | LC_ALL=C grep '[^ -~]')" ]
}

@test "it is redrawn in place, and fits after the terminal has shrunk" {
	terminal 80 24 "LC_ALL=C gcwatch -g -i 0.2 -m x. corun -e '$script'"
	until_true shows 'x.gc  [0-9.]+ MiB'
	sleep 1
	[ "$(screen | grep -c '^x.gc')" -eq 1 ]
	tmux -L coop resize-window -t "t$BATS_TEST_NUMBER" -x 50 -y 12
	sleep 0.5
	[ "$(screen | grep -c '^x.gc')" -eq 1 ]
	[ "$(screen | grep -c '^x.level')" -eq 1 ]
	[ "$(screen | wc -L)" -le 49 ]
}

@test "colours, and none with NO_COLOR" {
	terminal 80 24 "gcwatch -g -i 0.2 -m x. corun -e '$script'"
	until_true shows 'x.level  [0-9]'
	screen -e | grep -q $'\033\[.*x.level'
	tmux -L coop kill-session -t "t$BATS_TEST_NUMBER"
	terminal 80 24 "NO_COLOR=1 gcwatch -g -i 0.2 -m x. corun -e '$script'"
	until_true shows 'x.level  [0-9]'
	[ -z "$(screen -e | grep $'\033\[[0-9;]*m')" ]
}

@test "what has no room is counted" {
	terminal 60 12 "gcwatch -g -i 0.2 -m 'n[1-9]*' corun -e 'for i = 1, 50 do for k = 1, 70 do stat.gauge(\"n\" .. k, k) end sleep(0.1) end'"
	until_true shows '^and 6[0-9] more metrics: choose with -m$'
}

@test "a terminal that is too small is told so" {
	terminal 14 3 "gcwatch -g -i 0.2 sleep 10"
	until_true shows 'too small'
}

@test "without a terminal: a usage error" {
	run --separate-stderr gcwatch -g sleep 1
	[ "$status" -eq 2 ]
	[ "${stderr_lines[0]}" = 'gcwatch: -g draws on a terminal, and stdout is none: use -o x.svg' ]
	[[ ${stderr_lines[1]} == 'usage: gcwatch '* ]]
}
