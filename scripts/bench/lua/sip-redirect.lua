-- sipd's side of the part sip where nothing is looked up: see scripts/examples/sip-enum.lua for that.
local elsewhere = 'sip:elsewhere@192.0.2.1'

function request(req)
  if req.method == 'OPTIONS' then
    req:reply(200)
  elseif req.method == 'INVITE' then
    req:redirect(elsewhere)
  else
    req:reply(405)
  end
end
