o=$(for h in "evil$ALLOW" "$ALLOW.$BLOCK" "${ALLOW}x" "x-$ALLOW" "$WILD"; do via "http://$h/"; done)
seen "$o" ORIGIN:
works "$(via "http://sub.$WILD/")" "ORIGIN:sub.$WILD"
