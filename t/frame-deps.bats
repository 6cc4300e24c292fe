# shellcheck disable=SC2030,SC2031,SC2154 # tests are subshells; lib.bash and bats set variables
# scripts/deps, with a Debian of its own: dpkg-query, apt-get, sudo and id are scripts that note what they are asked.

load lib

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	pids=()
	mkdir bin
	: >asked
	: >absent
	tool dpkg-query 'if grep -qxF "${!#}" absent; then echo "no packages found" >&2; exit 1; fi; echo -n installed'
	tool apt-get 'echo "$DEBIAN_FRONTEND apt-get $*" >>asked; if [ -e broken ]; then echo "E: no network"; exit 100; fi'
	tool sudo 'echo "sudo" >>asked; exec "$@"'
	tool id 'echo 0'
	for tool in bash env grep mktemp rm tail; do ln -s "$(type -P $tool)" bin/; done
}

tool() {
	printf '#!/bin/bash\n%s\n' "$2" >"bin/$1"
	chmod +x "bin/$1"
}

deps() {
	run --separate-stderr env -u BATS_TEST_TMPDIR PATH="$PWD/bin" "$top/scripts/deps" "$@"
}

@test "nothing is missing: nothing is done or said" {
	for purpose in build run test demo bench fuzz; do
		deps "$purpose"
		[ "$status" -eq 0 ]
		[ -z "$output$stderr" ]
	done
	[ ! -s asked ]
}

@test "what is missing is installed, and said; nothing asks a question" {
	printf '%s\n' libbsd-dev bats >absent
	deps build test
	[ "$status" -eq 0 ]
	[ "$output" = "deps: installing libbsd-dev bats" ]
	[ -z "$stderr" ]
	printf 'noninteractive apt-get -q -y %s\n' update 'install --no-install-recommends libbsd-dev bats' | diff - asked
}

@test "what runs coop needs less than what tests it" {
	echo bats >absent
	deps build run demo
	[ "$status" -eq 0 ]
	[ ! -s asked ]
	deps
	[ ! -s asked ]
}

@test "a package for two purposes is installed once; one that was removed, but for its configuration, is missing" {
	echo lua5.4 >absent
	deps build test bench
	[ "$output" = "deps: installing lua5.4" ]
	tool dpkg-query 'if [ "${!#}" = make ]; then echo -n config-files; else echo -n installed; fi'
	deps build
	[ "$output" = "deps: installing make" ]
}

@test "by sudo when not root; without it, what root would have to do" {
	echo make >absent
	tool id 'echo 1000'
	deps
	[ "$status" -eq 0 ]
	printf '%s\n' sudo 'noninteractive apt-get -q -y '{update,'install --no-install-recommends make'} |
		sed 's/^nonint.*install/sudo\n&/' | diff - asked
	rm bin/sudo
	: >asked
	deps
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$stderr" = "deps: missing: make; as root: apt-get install --no-install-recommends make" ]
	[ ! -s asked ]
}

@test "apt-get fails: its words and ours" {
	echo make >absent
	touch broken
	deps
	[ "$status" -eq 1 ]
	[[ $stderr == *"E: no network"*"deps: could not install make"* ]]
}

@test "no Debian: the packages by name" {
	rm bin/dpkg-query
	deps run
	[ "$status" -eq 1 ]
	[[ $stderr == "deps: this is no Debian system; "*"libbsd0"* ]]
}

@test "a purpose that there is not" {
	deps everything
	[ "$status" -eq 2 ]
	[[ $stderr == "deps: no such purpose: everything; there are: "*build* ]]
}
