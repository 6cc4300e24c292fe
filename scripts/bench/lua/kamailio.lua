-- Kamailio's side of the part sip, when its Lua answers: as kamailio.bash has it in Kamailio's own language.

function ksr_request_route()
  KSR.set_reply_no_connect()
  KSR.force_rport()
  if KSR.maxfwd.process_maxfwd(10) < 0 then
    KSR.sl.send_reply(483, 'Too Many Hops')
    return
  end
  if KSR.sanity.sanity_check(17895, 7) < 0 then return end
  local method = KSR.pv.get('$rm')
  if method == 'OPTIONS' then
    KSR.sl.send_reply(200, 'OK')
  elseif method == 'ACK' then
    KSR.tm.t_check_trans()
  elseif method ~= 'INVITE' then
    KSR.sl.send_reply(405, 'Method Not Allowed')
  elseif KSR.tm.t_newtran() > 0 then
    KSR.hdr.append_to_reply('Contact: <sip:elsewhere@192.0.2.1>\r\n')
    KSR.tm.t_reply(302, 'Moved Temporarily')
  end
end
