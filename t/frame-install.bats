load lib

# of the programs as built for these tests, by whatever compiler: nothing is built again
coop_make() {
	run --separate-stderr make -C "$top" --no-print-directory -s -o all "B=${build#"$top"/}" "$@"
}

installed() {
	(cd "$1" && find . ! -type d | sort)
}

@test "make install puts programs and manual pages under DESTDIR and PREFIX, make uninstall takes them away" {
	coop_make install DESTDIR="$PWD/root" PREFIX=/opt/coop
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	{
		for program in corun dnsq gcwatch; do echo "./bin/$program"; done
		echo ./sbin/sipd
		for page in "$top"/man/*.[138] "$top"/man/*.7; do echo "./share/man/man${page##*.}/${page##*/}"; done
	} | sort >expected
	installed root/opt/coop >got
	diff expected got
	for page in corun.1 dnsq.1 gcwatch.1 sipd.8 coop.7 coop.3 coop-net.3 coop-dns.3 coop-stat.3 coop-sip.3; do
		[ -s "root/opt/coop/share/man/man${page##*.}/$page" ]
	done
	[ "$(stat -c %a root/opt/coop/bin/corun root/opt/coop/share/man/man1/corun.1 | xargs)" = '755 644' ]
	[ -z "$(installed root | grep -v '^./opt/coop/')" ]
	echo other >root/opt/coop/bin/other
	coop_make uninstall DESTDIR="$PWD/root" PREFIX=/opt/coop
	[ "$status" -eq 0 ]
	[ "$(installed root)" = ./opt/coop/bin/other ]
}

@test "MANDIR and SBINDIR move what they name" {
	coop_make install DESTDIR="$PWD/root" PREFIX=/usr MANDIR=/manual SBINDIR=/daemons
	[ "$status" -eq 0 ]
	[ -f root/manual/man1/corun.1 ]
	[ -x root/daemons/sipd ]
	[ -x root/usr/bin/dnsq ]
	[ ! -e root/usr/share ]
}

@test "the installed programs run from where they are" {
	coop_make install DESTDIR="$PWD/root" PREFIX=/usr
	run --separate-stderr env -i root/usr/bin/corun -e 'sleep(0.01) print(coop.count())'
	[ "$status" -eq 0 ]
	[ "$output" = 1 ]
	[ -z "$stderr" ]
}

@test "only corun and sipd hold Lua" {
	for program in dnsq gcwatch; do
		run nm "$build/$program"
		[ "$status" -eq 0 ]
		[[ $output == *" T main"* ]]
		[[ $output != *lua_* ]]
		[[ $(readelf -d "$build/$program") != *liblua* ]]
	done
	for program in corun sipd; do
		[[ $(nm "$build/$program") == *lua_resume* ]]
	done
}

@test "every program tells the version that NEWS.md begins with" {
	version=$(sed -n 's/^VERSION *= *//p' "$top/Makefile")
	[ "$(grep -m 1 -oE '^## [0-9.]+' "$top/NEWS.md")" = "## $version" ]
	for program in corun dnsq gcwatch sipd; do
		run --separate-stderr "$program" --version
		[ "$status" -eq 0 ]
		[[ $output == "$program $version"* ]]
		[ -z "$stderr" ]
	done
}

@test "make tells what it misses, and how to get it" {
	run --separate-stderr make -C "$top" --no-print-directory NEEDS='lua5.4 no-such-library'
	[ "$status" -eq 2 ]
	[[ $stderr == *"missing: no-such-library."*"scripts/deps build"* ]]
	run --separate-stderr make -C "$top" --no-print-directory CC=no-such-compiler
	[ "$status" -eq 2 ]
	[[ $stderr == *"missing: no-such-compiler."* ]]
	run --separate-stderr make -C "$top" --no-print-directory -n NEEDS=no-such-library clean
	[ "$status" -eq 0 ]
}
