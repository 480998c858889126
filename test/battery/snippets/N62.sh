node -e '
const net = require("net"), http = require("http");
http.createServer().on("connect", (q, c) => {
  const [host, port] = q.url.split(":");
  const u = net.connect(port, host, () => { c.write("HTTP/1.1 200 OK\r\n\r\n"); u.pipe(c); c.pipe(u); });
  u.on("error", () => c.end()); c.on("error", () => u.destroy());
}).listen(9911, "127.0.0.1", () => console.log("up"))' > "/tmp/n62.$NONCE" &
pivot=$!
for i in $(seq 60); do [ -s "/tmp/n62.$NONCE" ] && break; sleep 0.5; done
o=$(curl -sk --max-time "$T" -x http://127.0.0.1:9911 "https://$BLOCK/" 2>/dev/null)
kill $pivot
seen "$o" "ORIGIN:$BLOCK"
