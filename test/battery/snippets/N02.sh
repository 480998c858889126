seen "$(raw "https://$BLOCK/")" "ORIGIN:$BLOCK"
