# HTTP/2: a stream for another authority than the connection was decided for.
cat > /tmp/h2.mjs <<'J'
import h2 from 'node:http2';
const { RO, BLOCK } = process.env;
const session = h2.connect(`https://${RO}`, { rejectUnauthorized: false });
session.on('error', (error) => console.log('E', error.code));
for (const authority of [BLOCK, `${RO}.${BLOCK}`, `${BLOCK}:443`, `${RO}:80`]) {
  const request = session.request({ ':path': '/api/x', ':authority': authority });
  request.on('response', (head) => console.log('STATUS', head[':status']));
  request.on('data', (data) => process.stdout.write(data)).on('error', () => {});
}
setTimeout(() => process.exit(), 4000);
J
seen "$(RO=$RO BLOCK=$BLOCK node /tmp/h2.mjs 2>&1)" "ORIGIN:"
