# Another host, another path, another port, another method, another header.
APP_TOKEN=${APP_TOKEN:-$APP_SECRET}
auth="Authorization: Bearer $APP_TOKEN"
seen "$(via -H "$auth" https://$ECHO_H/; via -H "$auth" https://$CRED_H/other; via -H "$auth" https://$CRED_H:8443/; via -X PUT -H "$auth" https://$CRED_H/whoami; via -H "X-Mine: $APP_TOKEN" https://$CRED_H/whoami; via "https://$CRED_H/whoami?t=$APP_TOKEN")" RSEC''_
