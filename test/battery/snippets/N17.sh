# The proxy's own name: a host that is not listed, and targets that two readers could understand differently.
wish() { printf '{"proxy":"proxy.sandbox.internal:3128","connect":"%s:443","sni":"%s"%s,"send":"GET / HTTP/1.1\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n"}' "$BLOCK" "$BLOCK" "$1" "$BLOCK"; }
set -- "$(wish '')"
for t in "$ALLOW\\u0000.$BLOCK:443" "$BLOCK:443\\r\\nHost: $ALLOW" "$ALLOW\\t$BLOCK:443" "$ALLOW:443@$BLOCK:443" "$BLOCK:443#.$ALLOW" "$BLOCK:443\\\\.$ALLOW"; do
  set -- "$@" "$(wish ",\"rawConnect\":\"CONNECT $t HTTP/1.1\\r\\nHost: $ALLOW:443\\r\\n\\r\\n\"")"
done
seen "$(rawreq "$@")" "ORIGIN:$BLOCK"
