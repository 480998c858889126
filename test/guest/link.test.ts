import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  type GuestConfig,
  type GuestHooks,
  type GuestLink,
  connectGuest,
} from '../../src/guest/link.ts';
import type { ExecSpec } from '../../src/guest/exec.ts';
import {
  EXEC,
  EXIT,
  FRAME_MAX,
  MESSAGE_MAX,
  STAGE,
  START,
  TYPE,
  encodeNumbers,
} from '../../src/guest/protocol.ts';
import { createGuestPeer, greeting, openTcp, settle } from '../support/guest-peer.ts';
import type { GuestPeer } from '../support/guest-peer.ts';

const CONFIG: GuestConfig = {
  entropy: Buffer.alloc(64, 1),
  time: 1_700_000_000_000_000_000n,
  hostname: 'sandbox',
  user: { name: 'agent', uid: 1000, gid: 1000, home: '/home/agent' },
  rootAllowed: false,
  processes: 100,
  shares: ['/repo/space', '/repo/with space/'],
  files: [{ path: '/etc/a/file', content: 'content\0' }],
  datagramPorts: [53, 65535],
};
const COMMAND: ExecSpec = { argv: ['true'], env: [['A', 'b']], cwd: '/', user: 'agent' };

interface Rig {
  peer: GuestPeer;
  link: GuestLink;
  faults: string[];
}

function createRig(hooks: Partial<GuestHooks> = {}): Rig {
  const peer = createGuestPeer();
  const faults: string[] = [];
  const link = connectGuest(peer.socket, {
    onConnect: (_to, stream) => stream.destroy(),
    onDatagrams: (_to, stream) => stream.destroy(),
    onDns: () => Promise.resolve(Buffer.alloc(0)),
    onSession: (stream) => stream.destroy(),
    onFault: (reason) => void faults.push(reason),
    ...hooks,
  });
  return { peer, link, faults };
}

async function startRig(hooks: Partial<GuestHooks> = {}): Promise<Rig> {
  const rig = createRig(hooks);
  const started = rig.link.start(CONFIG);
  rig.peer.send(0, TYPE.ready, greeting());
  await started;
  return rig;
}

/** Fields of a START or EXEC message. */
function fieldsOf(message: Buffer): [tag: number, value: Buffer][] {
  const fields: [number, Buffer][] = [];
  for (let at = 0; at < message.length;) {
    const length = message.readUInt32LE(at + 4);
    fields.push([message.readUInt16LE(at), message.subarray(at + 8, at + 8 + length)]);
    at += 8 + length;
  }
  return fields;
}

const exit = (kind: number, value: number, stage = 0): Buffer => encodeNumbers(kind, value, stage);

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const part of stream as AsyncIterable<Buffer>) text += part.toString();
  return text;
}

describe('starting a guest', () => {
  it('says everything once and waits for READY', async () => {
    const { peer } = await startRig();
    const fields = fieldsOf(Buffer.concat(peer.of(TYPE.start, 0).map((frame) => frame.payload)));
    const tags = fields.map(([tag]) => tag).sort((a, b) => a - b);
    const expected = [...Object.values(START), START.share].sort((a, b) => a - b);
    expect(tags).toEqual(expected);
    const shares = fields.filter(([tag]) => tag === START.share).map(([, value]) => String(value));
    expect(fields.find(([tag]) => tag === START.datagrams)?.[1]).toEqual(
      Buffer.from([53, 0, 255, 255]),
    );
    expect(shares).toEqual(['/repo/space', '/repo/with space']);
    const files = fields.filter(([tag]) => tag === START.file).map(([, value]) => String(value));
    expect(files).toEqual(['/etc/a/file\0content\0']);
  });

  it('takes the greeting of a machine that was booted and not restored', async () => {
    const { peer, link, faults } = createRig();
    const started = link.start(CONFIG);
    peer.send(0, TYPE.hello, greeting());
    peer.send(0, TYPE.ready, greeting());
    await started;
    expect(faults).toEqual([]);
  });

  it('refuses a guest of another version', async () => {
    const { peer, link, faults } = createRig();
    const started = link.start(CONFIG);
    peer.send(0, TYPE.ready, greeting(2));
    await expect(started).rejects.toMatchObject({ code: 'GUEST_FAULT' });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain('expected protocol 1, the guest speaks 2');
  });

  it('tells what the guest reports, without its control characters', async () => {
    const { peer, link, faults } = createRig();
    const started = link.start(CONFIG);
    peer.send(0, TYPE.fault, Buffer.from('no\n::error::\x1b[31mroot'));
    await expect(started).rejects.toMatchObject({ code: 'GUEST_FAULT' });
    expect(faults).toEqual(['the guest reports: no?::error::?[31mroot']);
  });

  it('refuses paths that are not plain and names with a NUL before the guest hears of them', async () => {
    const { link, peer } = createRig();
    const home = (path: string): GuestConfig => ({
      ...CONFIG,
      user: { ...CONFIG.user, home: path },
    });
    await expect(link.start(home('/home/../etc'))).rejects.toMatchObject({ kind: 'usage' });
    await expect(link.start(home('home'))).rejects.toMatchObject({ kind: 'usage' });
    await expect(link.start(home('/home/a\0b'))).rejects.toMatchObject({ kind: 'usage' });
    await expect(link.start({ ...CONFIG, entropy: Buffer.alloc(8) })).rejects.toMatchObject({
      kind: 'usage',
    });
    expect(peer.frames).toEqual([]);
  });
});

describe('a process', () => {
  it('passes bytes of all three streams and ends after its output', async () => {
    const { peer, link } = await startRig();
    const child = await link.exec({ ...COMMAND, argv: ['cat', Buffer.from([0xff])] });
    const fields = fieldsOf(peer.of(TYPE.exec, 2)[0]?.payload ?? Buffer.alloc(0));
    expect(fields.map(([tag]) => tag)).toEqual([
      EXEC.argument,
      EXEC.argument,
      EXEC.variable,
      EXEC.directory,
      EXEC.user,
    ]);
    expect(fields[1]?.[1]).toEqual(Buffer.from([0xff]));
    child.stdin.end('in');
    peer.send(2, TYPE.started, encodeNumbers(77));
    peer.send(4, TYPE.data, Buffer.from('out'));
    peer.send(6, TYPE.data, Buffer.from('err'));
    peer.send(4, TYPE.end);
    peer.send(6, TYPE.end);
    peer.send(2, TYPE.exit, exit(EXIT.code, 3));
    expect(await child.started).toBe(77);
    expect(await Promise.all([textOf(child.stdout), textOf(child.stderr)])).toEqual(['out', 'err']);
    expect(await child.exited).toEqual({ code: 3 });
    expect(peer.bytes(2).toString()).toBe('in');
    expect(peer.of(TYPE.end, 2)).toHaveLength(1);
    expect(peer.of(TYPE.reset)).toHaveLength(0);
  });

  it('keeps output that nobody read yet when it ends', async () => {
    const { peer, link } = await startRig();
    const child = await link.exec(COMMAND);
    for (let n = 0; n < 4; n++) peer.send(4, TYPE.data, Buffer.alloc(FRAME_MAX, 'x'));
    peer.send(2, TYPE.exit, exit(EXIT.signal, 9));
    expect(await child.exited).toEqual({ signal: 9 });
    expect(await textOf(child.stdout)).toHaveLength(4 * FRAME_MAX);
    expect(await textOf(child.stderr)).toBe('');
    expect(child.stdin.destroyed).toBe(true);
  });

  it.each([
    [STAGE.execute, 2, { code: 127, errno: 2, stage: 'execute' }],
    [STAGE.execute, 13, { code: 126, errno: 13, stage: 'execute' }],
    [STAGE.directory, 2, { code: 126, errno: 2, stage: 'directory' }],
    [STAGE.setup, 11, { code: 126, errno: 11, stage: 'setup' }],
  ])('that fails at stage %i with errno %i is told apart', async (stage, errno, expected) => {
    const { peer, link } = await startRig();
    const child = await link.exec(COMMAND);
    peer.send(2, TYPE.exit, exit(EXIT.errno, errno, stage));
    expect(await child.exited).toEqual(expected);
    expect(await child.started).toBeUndefined();
  });

  it('gets signals and sizes while it lives, and none after', async () => {
    const { peer, link } = await startRig();
    const child = await link.exec({ ...COMMAND, tty: { rows: 24, columns: 80 } });
    child.signal(15);
    child.signal(0);
    child.signal(4.5);
    child.resize(50, 132);
    peer.send(2, TYPE.exit, exit(EXIT.code, 0));
    await child.exited;
    child.signal(9);
    child.resize(1, 1);
    expect(peer.of(TYPE.signal).map((frame) => frame.payload.readUInt32LE())).toEqual([15]);
    expect(peer.of(TYPE.resize).map((frame) => frame.payload)).toEqual([
      Buffer.from([50, 0, 132, 0]),
    ]);
    expect(await textOf(child.stderr)).toBe('');
  });

  it('with a long command line is sent in parts, and refused above what a kernel takes', async () => {
    const { peer, link } = await startRig();
    const long = 'x'.repeat(100_000);
    await link.exec({ ...COMMAND, argv: ['echo', long] });
    const frames = peer.of(TYPE.exec, 2);
    expect(frames.map((frame) => frame.flags)).toEqual([1, 0]);
    expect(fieldsOf(Buffer.concat(frames.map((frame) => frame.payload)))[1]?.[1].length).toBe(
      100_000,
    );
    const tooLong = link.exec({ ...COMMAND, argv: ['echo', 'x'.repeat(MESSAGE_MAX)] });
    await expect(tooLong).rejects.toMatchObject({ code: 'GUEST_BAD_COMMAND' });
    await expect(link.exec({ ...COMMAND, argv: [] })).rejects.toMatchObject({ kind: 'usage' });
    await expect(link.exec({ ...COMMAND, cwd: 'x' })).rejects.toMatchObject({ kind: 'usage' });
  });

  it('is lost when the guest is', async () => {
    const { peer, link, faults } = await startRig();
    const child = await link.exec(COMMAND);
    peer.socket.destroy();
    await expect(child.exited).rejects.toMatchObject({ code: 'GUEST_FAULT' });
    await expect(link.exec(COMMAND)).rejects.toMatchObject({ code: 'GUEST_FAULT' });
    await expect(link.sync()).rejects.toMatchObject({ code: 'GUEST_FAULT' });
    await link.shutdown();
    expect(faults).toHaveLength(1);
  });

  it.each([
    ['an EXIT of wrong size', (peer: GuestPeer) => peer.send(2, TYPE.exit, Buffer.alloc(4))],
    ['an EXIT of unknown kind', (peer: GuestPeer) => peer.send(2, TYPE.exit, exit(9, 0))],
    ['an EXIT code above 255', (peer: GuestPeer) => peer.send(2, TYPE.exit, exit(EXIT.code, 256))],
    ['an EXIT by signal 0', (peer: GuestPeer) => peer.send(2, TYPE.exit, exit(EXIT.signal, 0))],
    ['data on its input', (peer: GuestPeer) => peer.send(2, TYPE.data, Buffer.from('x'))],
    [
      'a second EXIT',
      (peer: GuestPeer) => {
        peer.send(2, TYPE.exit, exit(EXIT.code, 0));
        peer.send(2, TYPE.exit, exit(EXIT.code, 0));
      },
    ],
  ])('ends the session when the guest sends %s', async (_name, misbehave) => {
    const { peer, link, faults } = await startRig();
    const child = await link.exec(COMMAND);
    misbehave(peer);
    await settle();
    expect(faults).toHaveLength(1);
    await child.exited.catch(() => undefined);
  });
});

describe('what the guest asks', () => {
  it('reaches the hooks with canonical addresses', async () => {
    const seen: unknown[] = [];
    const { peer } = await startRig({
      onConnect: (to, stream) => {
        seen.push(to);
        stream.destroy();
      },
      onSession: (stream, from) => {
        seen.push(from);
        stream.destroy();
      },
    });
    peer.send(1, TYPE.openTcp, openTcp([10, 9, 8, 7], 443));
    const v6 = Buffer.alloc(20);
    v6[0] = 6;
    v6.writeUInt16LE(22, 2);
    v6.writeUInt32BE(0x20010db8, 4);
    v6[19] = 1;
    peer.send(3, TYPE.openTcp, v6);
    peer.send(5, TYPE.openSession, encodeNumbers(12, 1000));
    await settle();
    expect(seen).toEqual([
      { family: 4, address: '10.9.8.7', port: 443 },
      { family: 6, address: '2001:db8::1', port: 22 },
      { pid: 12, uid: 1000 },
    ]);
    expect(peer.of(TYPE.reset)).toHaveLength(3);
  });

  it('is answered by name, and left unanswered when the host has no answer', async () => {
    const { peer, faults } = await startRig({
      onDns: (query) =>
        query[0] === 1 ? Promise.resolve(Buffer.from([9, 9])) : Promise.reject(new Error('no')),
    });
    peer.send(0, TYPE.dnsQuery, Buffer.from([7, 0, 0, 0, 1, 2, 3]));
    peer.send(0, TYPE.dnsQuery, Buffer.from([8, 0, 0, 0, 2]));
    await settle();
    const replies = peer.of(TYPE.dnsReply).map((frame) => [...frame.payload]);
    expect(replies).toContainEqual([7, 0, 0, 0, 9, 9]);
    expect(replies).toContainEqual([8, 0, 0, 0]);
    expect(faults).toEqual([]);
  });

  it('is answered for a bounded number of questions at once', async () => {
    let asked = 0;
    const { peer, faults } = await startRig({
      onDns: () => {
        asked++;
        return new Promise(() => undefined);
      },
    });
    for (let id = 1; id <= 3000; id++)
      peer.send(0, TYPE.dnsQuery, Buffer.concat([encodeNumbers(id), Buffer.from('q')]));
    await settle();
    expect(asked).toBe(1024);
    expect(faults).toEqual([]);
  });

  it('ends the session when a hook throws', async () => {
    const { peer, faults } = await startRig({
      onConnect: () => {
        throw new Error('broken hook');
      },
    });
    peer.send(1, TYPE.openTcp, openTcp([10, 0, 0, 1], 80));
    await settle();
    expect(faults[0]).toContain('broken hook');
  });

  it.each([
    ['a question before READY', TYPE.dnsQuery, Buffer.from('123456')],
    ['a connection before READY', TYPE.openTcp, openTcp([10, 0, 0, 1], 80)],
    ['READY before START', TYPE.ready, greeting()],
    ['SYNCED for no SYNC', TYPE.synced, Buffer.alloc(8)],
    ['a greeting of noise', TYPE.hello, Buffer.alloc(12, 3)],
  ])('is a fault when it is %s', async (_name, type, payload) => {
    const { peer, faults } = createRig();
    peer.send(type === TYPE.openTcp ? 1 : 0, type, payload);
    await settle();
    expect(faults).toHaveLength(1);
  });

  it('is a fault when it is a malformed connection', async () => {
    const bad = [
      Buffer.alloc(19),
      Buffer.alloc(20, 4),
      Buffer.concat([Buffer.from([5]), Buffer.alloc(19)]),
    ];
    for (const payload of bad) {
      const { peer, faults } = await startRig();
      peer.send(1, TYPE.openTcp, payload);
      await settle();
      expect(faults).toHaveLength(1);
    }
  });
});

describe('the end', () => {
  it('waits for written files, one request at a time, and tells when they could not be written', async () => {
    const { peer, link } = await startRig();
    const first = link.sync();
    const second = link.sync();
    await settle();
    expect(peer.of(TYPE.sync)).toHaveLength(1);
    peer.send(0, TYPE.synced, encodeNumbers(1, 0));
    await first;
    await settle();
    peer.send(0, TYPE.synced, encodeNumbers(2, 28));
    await expect(second).rejects.toMatchObject({ code: 'GUEST_SYNC_FAILED' });
  });

  it('is no fault when the host asked for it', async () => {
    const { peer, link, faults } = await startRig();
    const done = link.shutdown();
    await settle();
    expect(peer.of(TYPE.shutdown)).toHaveLength(1);
    peer.socket.destroy();
    await done;
    expect(faults).toEqual([]);
  });

  it('takes down what still runs when the host closes', async () => {
    const { link, faults } = await startRig();
    const child = await link.exec(COMMAND);
    link.close();
    await expect(child.exited).rejects.toMatchObject({ code: 'GUEST_CLOSED' });
    await settle();
    expect(child.stdin.destroyed).toBe(true);
    expect(faults).toEqual([]);
  });
});
