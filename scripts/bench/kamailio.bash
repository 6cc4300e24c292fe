# shellcheck shell=bash disable=SC2034,SC2154 # variables of lib.bash and the part
# kamailio.bash: Kamailio as sipd's work has it, for the part sip: its settings, and how it is started. Written from its documentation
# for what is fastest while it does the same: it begins each request as Debian's kamailio.cfg does (route REQINIT: Max-Forwards, sanity).
# Timer I is a second in place of five, so that its memory suffices for all the transactions that it keeps meanwhile.

# kamailio_there: whether there is one at all
kamailio_there() {
	command -v kamailio >/dev/null
}

# kamailio_lua_there: also one whose requests are answered by Lua
kamailio_lua_there() {
	kamailio_there && [ -n "$(find /usr/lib /usr/local/lib -path '*/kamailio/modules/app_lua.so' 2>/dev/null)" ]
}

# kamailio_settings CHILDREN MODULE...
kamailio_settings() {
	local module
	printf '%s\n' '#!KAMAILIO' debug=-1 log_stderror=yes auto_aliases=no dns=no rev_dns=no mhomed=0 disable_tcp=yes udp4_raw=0 \
		"children=$1" async_workers=8 "listen=udp:127.0.0.1:$port"
	shift
	for module in tm sl pv textops maxfwd siputils sanity "$@"; do echo "loadmodule \"$module.so\""; done
	echo 'modparam("tm", "wt_timer", 1000)'
}

# the beginning of a request, and all that is not INVITE
kamailio_begin() {
	cat <<-'END'
		request_route {
			set_reply_no_connect();
			force_rport();
			if (!mf_process_maxfwd_header("10")) {
				sl_send_reply("483", "Too Many Hops");
				exit;
			}
			if (!sanity_check("17895", "7")) exit;
			if (is_method("OPTIONS")) {
				sl_send_reply("200", "OK");
				exit;
			}
			if (is_method("ACK")) {
				t_check_trans();
				exit;
			}
			if (!is_method("INVITE")) {
				sl_send_reply("405", "Method Not Allowed");
				exit;
			}
			if (!t_newtran()) exit;
	END
}

# kamailio_enum: the look-up, at the same place in the route, or as one of the asynchronous workers has it
kamailio_enum() {
	cat <<-'END'
			if (!enum_query("e164.arpa.")) {
				t_reply("404", "Not Found");
				exit;
			}
			append_to_reply("Contact: <$ru>\r\n");
			t_reply("302", "Moved Temporarily");
		}
	END
}

# kamailio_conf SERVICE CHILDREN: redirect, enum, async (enum by its asynchronous workers), lua (redirect by its Lua)
kamailio_conf() {
	case $1 in
	redirect)
		kamailio_settings "$2"
		kamailio_begin
		printf '%s\n' 'append_to_reply("Contact: <sip:elsewhere@192.0.2.1>\r\n");' 't_reply("302", "Moved Temporarily");' '}'
		;;
	enum)
		kamailio_settings "$2" enum
		kamailio_begin
		kamailio_enum
		;;
	async)
		kamailio_settings "$2" enum async
		kamailio_begin
		printf '%s\n' 'async_task_route("LOOKUP");' '}' 'route[LOOKUP] {'
		kamailio_enum
		;;
	lua)
		kamailio_settings "$2" app_lua
		printf '%s\n' "modparam(\"app_lua\", \"load\", \"$bench/lua/kamailio.lua\")" 'cfgengine "lua"'
		;;
	esac
}

# kamailio_command SERVICE CHILDREN [OPTION...]: in ${command[@]}; the first process stays ours, and its children end with it
kamailio_command() {
	kamailio_conf "$1" "$2" >"$scratch/kamailio.cfg"
	shift 2
	command=(kamailio -DD -E -f "$scratch/kamailio.cfg" -Y "$scratch" -w "$scratch" -m 2048 -M 32 "$@")
}

# kamailio_asks ADDRESS: it will ask the name server there, port 53, for it asks whom resolv.conf(5) names
kamailio_asks() {
	echo "nameserver $1" >"$scratch/resolv.conf"
	# shellcheck disable=SC2016 # the inner shell's
	command=(unshare -m sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$scratch/resolv.conf" "${command[@]}")
}
