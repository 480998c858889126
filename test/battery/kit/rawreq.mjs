// Raw requests, one after another: node rawreq.mjs '{"connect":"allowed.test:443","sni":"blocked.test","send":"GET / ..."}' ...
// Fields: connect HOST:PORT; proxy HOST:PORT; rawConnect, rawToProxy: own bytes to the proxy; host: Host of the CONNECT;
// dial: where to connect instead; sni, alpn; tls false: plain; frag: the hello in segments of one byte; send: bytes.
import net from 'node:net';
import tls from 'node:tls';
import { Duplex } from 'node:stream';

// One process for all of them: in an emulated guest its start takes longer than the request.
for (const text of process.argv.slice(2)) await request(JSON.parse(text));

/** Resolves when the connection is closed, by either end. */
function request(wish) {
  const proxy = wish.proxy ?? (process.env.PROXY || undefined);
  const [host, port] = split(proxy ?? wish.dial ?? wish.connect);
  if (!(port > 0 && port < 65536)) {
    console.log('ERR port');
    return Promise.resolve();
  }
  const socket = net.connect(port, host);
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on('error', (error) => console.log(`ERR ${error.code}`));
  socket.once('connect', () => {
    if (wish.rawToProxy) return speak(socket, wish);
    if (!proxy) return speak(wish.tls === false ? socket : startTls(socket, wish), wish);
    const head =
      wish.rawConnect ??
      `CONNECT ${wish.connect} HTTP/1.1\r\nHost: ${wish.host ?? wish.connect}\r\n\r\n`;
    socket.write(Buffer.from(head, 'latin1'));
    socket.once('data', (answer) => {
      const [status] = answer.toString('latin1').split('\r\n');
      console.log(`PROXY ${status}`);
      if (!/ 200\b/.test(status)) return socket.destroy();
      return speak(wish.tls === false ? socket : startTls(socket, wish), wish);
    });
    return undefined;
  });
  return new Promise((resolve) => socket.once('close', resolve));
}

function split(text) {
  const at = text.lastIndexOf(':');
  return [text.slice(0, at).replace(/^\[|\]$/g, ''), Number(text.slice(at + 1))];
}

function speak(stream, wish) {
  stream.on('data', (chunk) => process.stdout.write(chunk));
  stream.write(Buffer.from(wish.send ?? '', 'latin1'));
}

function startTls(socket, wish) {
  const secure = tls.connect({
    socket: wish.frag ? dripping(socket) : socket,
    servername: wish.sni || undefined,
    rejectUnauthorized: false,
    ALPNProtocols: wish.alpn,
  });
  secure.on('error', (error) => console.log(`TLSERR ${error.code}`));
  return secure;
}

function dripping(socket) {
  socket.setNoDelay(true);
  const stream = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      let at = 0;
      const step = () => {
        if (at >= chunk.length) return done();
        socket.write(chunk.subarray(at, (at += 1)));
        return setTimeout(step, 1);
      };
      step();
    },
  });
  socket.on('data', (chunk) => stream.push(chunk));
  return stream;
}
