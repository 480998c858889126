seen "$(via "https://$BLOCK/")" "ORIGIN:$BLOCK"
