// The rig's only resolver, over UDP and TCP on every address: answers the names of the rig, notes every other question.
import dgram from 'node:dgram';
import net from 'node:net';
import { once } from 'node:events';

import type { Ground } from './ground.ts';
import { ADDRESSES, CANARY4, RECORDS, ZONE } from './layout.ts';

const TYPE_A = 1;
const TYPE_ANY = 255;

export async function serveNames(ground: Ground): Promise<() => void> {
  // One socket for each address: a reply from another one than was asked is dropped by the client.
  const asked = ['127.0.0.1', ...ADDRESSES.filter((address) => !address.includes(':'))];
  const udp = asked.map((address) => {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (message, peer) => {
      const reply = answer(message, ground);
      if (reply) socket.send(reply, peer.port, peer.address);
    });
    socket.bind(53, address);
    return socket;
  });
  const tcp = net.createServer((socket) => {
    let pending = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const length = pending.readUInt16BE(0);
        const reply = answer(pending.subarray(2, 2 + length), ground);
        pending = pending.subarray(2 + length);
        if (reply)
          socket.write(
            Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]),
          );
      }
    });
  });
  tcp.listen(53, '::');
  await Promise.all([...udp, tcp].map((server) => once(server, 'listening')));
  return () => {
    for (const socket of udp) socket.close();
    tcp.close();
  };
}

function answer(query: Buffer, ground: Ground): Buffer | undefined {
  if (query.length < 17) return undefined;
  const labels: string[] = [];
  let at = 12;
  while (at < query.length && query[at] !== 0) {
    const length = query[at] ?? 0;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const end = at + 5;
  if (end > query.length) return undefined;
  const name = labels.join('.').toLowerCase();
  const type = query.readUInt16BE(at + 1);
  const isZone = name.endsWith(ZONE);
  const addresses = isZone ? [CANARY4] : RECORDS[name];
  if (addresses === undefined || isZone) ground.note({ kind: 'dns', detail: name });
  const records = type === TYPE_A || type === TYPE_ANY ? (addresses ?? []) : [];
  const header = Buffer.from(query.subarray(0, 12));
  header[2] = 0x81 | ((query[2] ?? 0) & 1);
  header[3] = 0x80 | (addresses === undefined ? 3 : 0);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  const body = records.map((address) =>
    Buffer.from([0xc0, 12, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([header, query.subarray(12, end), ...body]);
}
