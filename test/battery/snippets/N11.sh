# Fronting: the connection goes to an allowed name, the hello asks for another one on the same machine.
set -- "{\"connect\":\"$ALLOW:443\",\"sni\":\"$BLOCK\",\"send\":\"GET / HTTP/1.1\\r\\nHost: $BLOCK\\r\\nConnection: close\\r\\n\\r\\n\"}" "{\"connect\":\"$ALLOW:443\",\"sni\":\"$BLOCK\",\"frag\":true,\"send\":\"GET / HTTP/1.1\\r\\nHost: $BLOCK\\r\\nConnection: close\\r\\n\\r\\n\"}"
seen "$(rawreq "$@")" "ORIGIN:$BLOCK"
