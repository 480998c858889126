# A server on the guest's own loopback, as every test suite starts one.
node -e 'require("http").createServer((q, r) => r.end("LOOP")).listen(18080, "127.0.0.1", () => console.error("up"))' 2>"/tmp/l04.$NONCE" &
server=$!
for i in $(seq 60); do [ -s "/tmp/l04.$NONCE" ] && break; sleep 0.5; done
o=$(curl -sS --max-time 10 http://127.0.0.1:18080/ http://localhost:18080/ 2>&1)
kill $server
works "$o" LOOPLOOP
