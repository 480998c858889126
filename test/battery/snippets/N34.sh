seen "$(dnsq "$CANARY4" tcp A "x$NONCE.$CZONE"; dnsq "$CANARY4" dot A "x$NONCE.$CZONE")" 'DNS rcode=0'
