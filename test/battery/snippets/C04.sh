# The origin says AUTH:real if and only if it got the real value.
works "$(via -H "Authorization: Bearer $APP_TOKEN" https://$CRED_H/whoami)" "AUTH:real"
