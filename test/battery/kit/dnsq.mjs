// DNS questions by hand: node dnsq.mjs SERVER udp|tcp|pipeline|dot TYPE[,TYPE...] NAME...; each name is asked for each type.
import dgram from 'node:dgram';
import net from 'node:net';
import tls from 'node:tls';
import { clearTimeout, setTimeout } from 'node:timers';

const TYPES = { A: 1, NULL: 10, MX: 15, TXT: 16, AAAA: 28, ANY: 255 };
const [server, transport, types, ...names] = process.argv.slice(2);
const questions = types.split(',').flatMap((type) => names.map((name) => [name, type]));
const limit = setTimeout(() => process.exit(0), 6000);

function question([name, type], index) {
  const labels = name
    .split('.')
    .filter(Boolean)
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  const header = Buffer.from([0, index + 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, TYPES[type], 0, 1])]);
}

function show(answer) {
  if (answer.length >= 12) console.log(`DNS rcode=${answer[3] & 15} an=${answer.readUInt16BE(6)}`);
}

function fail(error) {
  console.log(`ERR ${error.code}`);
  process.exit(0);
}

if (transport === 'udp') {
  const socket = dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4');
  let open = questions.length;
  socket.on('error', fail);
  socket.on('message', (answer) => {
    show(answer);
    if ((open -= 1) > 0) return;
    clearTimeout(limit);
    socket.close();
  });
  questions.forEach((wish, index) => socket.send(question(wish, index), 53, server));
} else {
  const options = { host: server, port: 853, rejectUnauthorized: false };
  const socket = transport === 'dot' ? tls.connect(options) : net.connect(53, server);
  socket.on('error', fail);
  socket.on('close', () => clearTimeout(limit));
  socket.on(transport === 'dot' ? 'secureConnect' : 'connect', () => {
    // All questions in one segment.
    const messages = questions.flatMap((wish, index) => {
      const message = question(wish, index);
      return [Buffer.from([message.length >> 8, message.length & 255]), message];
    });
    socket.write(Buffer.concat(messages));
  });
  let answers = 0;
  socket.on('data', (chunk) => {
    if (chunk.length <= 14) return;
    show(chunk.subarray(2));
    if ((answers += 1) >= questions.length) socket.end();
  });
}
