seen "$(via -H "Host: $ALLOW" "http://$CANARY4/$NONCE"; raw -H "Host: $ALLOW" "http://$CANARY4/$NONCE")" ORIGIN:
