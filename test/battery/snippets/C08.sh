# The bound host repeats what it was sent: plain, compressed, in base64, and to TRACE.
APP_TOKEN=${APP_TOKEN:-$APP_SECRET}
auth="Authorization: Bearer $APP_TOKEN"
o=$(via --compressed -H "$auth" https://$CRED_H/echo-headers; via -H 'Accept-Encoding: gzip' -H "$auth" https://$CRED_H/echo-headers | gunzip 2>/dev/null; via -X TRACE -H "$auth" https://$CRED_H/echo-headers; via -H "$auth" https://$CRED_H/echo-base64 | base64 -d 2>/dev/null; via -i -H "$auth" https://$CRED_H/echo-headers)
seen "$o" RSEC''_
