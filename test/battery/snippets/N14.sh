o=$(rawreq "{\"connect\":\"$ALLOW:443\",\"sni\":\"\",\"send\":\"GET / HTTP/1.1\\r\\nHost: $BLOCK\\r\\nConnection: close\\r\\n\\r\\n\"}")
seen "$o" "ORIGIN:$BLOCK"
