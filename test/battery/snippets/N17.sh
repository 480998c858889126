# The proxy's own name: a host that is not listed, and targets that two readers could understand differently.
through() { rawreq "{\"proxy\":\"proxy.sandbox.internal:3128\",\"connect\":\"$BLOCK:443\",\"sni\":\"$BLOCK\"$1,\"send\":\"GET / HTTP/1.1\\r\\nHost: $BLOCK\\r\\nConnection: close\\r\\n\\r\\n\"}"; }
o=$(through '')
for t in "$ALLOW\\u0000.$BLOCK:443" "$BLOCK:443\\r\\nHost: $ALLOW" "$ALLOW\\t$BLOCK:443" "$ALLOW:443@$BLOCK:443" "$BLOCK:443#.$ALLOW" "$BLOCK:443\\\\.$ALLOW"; do
  o="$o$(through ",\"rawConnect\":\"CONNECT $t HTTP/1.1\\r\\nHost: $ALLOW:443\\r\\n\\r\\n\"")"
done
seen "$o" "ORIGIN:$BLOCK"
