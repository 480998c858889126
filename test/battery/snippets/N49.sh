# Requests for another host, in every form a forward proxy takes: to the proxy, and inside a connection to a judged host.
to() { printf '{"connect":"%s","tls":%s,"sni":"%s","send":"%s\\r\\nConnection: close\\r\\n\\r\\n"}' "$1" "$2" "$RO" "$3"; }
P=proxy.sandbox.internal:3128
set -- "$(to "$P" false "GET http://$BLOCK/x HTTP/1.1\\r\\nHost: $BLOCK")" \
  "$(to "$P" false "GET http://$BLOCK/x HTTP/1.1\\r\\nHost: $ALLOW")" \
  "$(to "$P" false "GET http://$ALLOW@$BLOCK/x HTTP/1.1\\r\\nHost: $ALLOW")" \
  "$(to "$P" false "GET /x HTTP/1.1\\r\\nHost: $BLOCK")" \
  "$(to "$RO:443" true "GET http://$BLOCK/api/x HTTP/1.1\\r\\nHost: $RO")" \
  "$(to "$RO:443" true "CONNECT $BLOCK:443 HTTP/1.1\\r\\nHost: $BLOCK:443")" \
  "$(to "$RO:80" false "GET http://$BLOCK/api/x HTTP/1.1\\r\\nHost: $BLOCK")"
seen "$(rawreq "$@")" "ORIGIN:$BLOCK"
