works "$(via "http://$ALLOW/")" "ORIGIN:$ALLOW"
