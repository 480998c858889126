cp /etc/hosts "/tmp/hosts.$NONCE"
{ echo "$CANARY4 $ALLOW" >> /etc/hosts; } 2>/dev/null
seen "$(raw "https://$ALLOW/$NONCE"; raw --resolve "$ALLOW:80:$CANARY4" "http://$ALLOW/$NONCE")" LISTENER:canary
# Root's own guest is put right again: legitimate work follows.
cat "/tmp/hosts.$NONCE" 2>/dev/null > /etc/hosts
