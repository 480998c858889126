# One request that names two hosts, on a connection decided for one of them.
set --
for r in "GET /api/x HTTP/1.1\\r\\nHost: $BLOCK\\r\\nHost: $RO" "GET http://$BLOCK/api/x HTTP/1.1\\r\\nHost: $BLOCK" "GET /api/x HTTP/1.1\\r\\nHost: $BLOCK" "GET /api/x HTTP/1.1\\r\\nHost: $BLOCK:443"; do
  set -- "$@" "{\"connect\":\"$RO:443\",\"sni\":\"$RO\",\"send\":\"$r\\r\\nConnection: close\\r\\n\\r\\n\"}"
done
seen "$(rawreq "$@")" "ORIGIN:$BLOCK"
