o=
for p in 22 25 6379 8443 0 99999; do
  o="$o$(rawreq "{\"connect\":\"$ALLOW:$p\",\"tls\":false,\"send\":\"x\\r\\n\"}")"
done
seen "$o" PORT-OPEN
