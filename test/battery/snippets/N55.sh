o=
for i in 1 2 3 4 5; do o="$o$(raw "https://$BLOCK/"; raw "http://$CANARY4/$NONCE")"; done
seen "$o" ORIGIN:
