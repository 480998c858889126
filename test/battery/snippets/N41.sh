{ echo "$CANARY4 $ALLOW" >> /etc/hosts; } 2>/dev/null
seen "$(raw "https://$ALLOW/$NONCE"; raw --resolve "$ALLOW:80:$CANARY4" "http://$ALLOW/$NONCE")" LISTENER:canary
