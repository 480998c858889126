# Without TLS, to where a redirect leads, and with the name of another host.
APP_TOKEN=${APP_TOKEN:-$APP_SECRET}
auth="Authorization: Bearer $APP_TOKEN"
seen "$(via -H "$auth" http://$CRED_H/; via -L --location-trusted -H "$auth" "https://$CRED_H/to?u=https://$ECHO_H/"; via -H "Host: $ECHO_H" -H "$auth" https://$CRED_H/whoami)" RSEC''_
