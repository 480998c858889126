dnsq "$(nameserver)" pipeline A "$ALLOW" "x$NONCE.$CZONE" >/dev/null
tried 'two questions in one segment'
