works "$(via "https://$ALLOW/")" "ORIGIN:$ALLOW"
