// The host's hold on one guest: starts it, runs processes in it, answers what it asks.
// Invariant: whatever the guest sends ends at worst this link, by one call of `onFault`.

import type { Duplex } from 'node:stream';
import { type Address, formatAddress } from '../match/address.ts';
import { SandboxError } from '../model/error.ts';
import { type ExecSpec, type GuestProcess, Processes, plainPath, text } from './exec.ts';
import { Mux } from './mux.ts';
import {
  DATAGRAM_PORTS_MAX,
  DNS_MAX,
  ENTROPY_SIZE,
  FAULT_MAX,
  FILES_MAX,
  type Frame,
  MESSAGE_MAX,
  PROTOCOL_MAGIC,
  PROTOCOL_VERSION,
  SHARES_MAX,
  START,
  STREAM_WINDOW,
  TYPE,
  encodeField,
  encodeMessage,
  encodeNumbers,
} from './protocol.ts';
import type { GuestStream } from './stream.ts';

export interface Destination {
  /** canonical text */
  address: string;
  port: number;
  family: 4 | 6;
}

/** The process that connected to the session socket, as the guest says. */
export interface GuestPeer {
  pid: number;
  uid: number;
}

export interface GuestHooks {
  /** a TCP connection, accepted in the guest; `destroy()` resets it there, `end()` ends it */
  onConnect: (destination: Destination, stream: Duplex) => void;
  /** datagrams between a process of the guest and one address, framed as in `datagrams.ts`; `destroy()` ends the flow */
  onDatagrams: (destination: Destination, stream: Duplex) => void;
  /** answers one DNS message; an empty buffer or a rejection leaves it unanswered */
  onDns: (query: Buffer) => Promise<Buffer>;
  /** a process connected to `/run/agent-sandbox/host.sock` */
  onSession: (stream: Duplex, peer: GuestPeer) => void;
  /** called at most once; the guest is of no use any more */
  onFault: (reason: string) => void;
}

export interface GuestFile {
  /** absolute, below /etc */
  path: string;
  content: string | Buffer;
}

export interface GuestConfig {
  /** 64 bytes of the host's randomness */
  entropy: Buffer;
  /** nanoseconds since 1970 */
  time: bigint;
  hostname: string;
  /** the agent's user; `home` becomes an empty directory in memory */
  user: { name: string; uid: number; gid: number; home: string };
  rootAllowed: boolean;
  processes: number;
  /** absolute paths shown from the file server over the overlay, parents first */
  shares: readonly string[];
  /** bytes that files outside the shares may take; the guest's default when absent */
  disk?: number;
  /** ports whose datagrams come to `onDatagrams`; on all others the guest itself answers that nobody is there */
  datagramPorts?: readonly number[];
  /** files below /etc that hide the file server's */
  files?: readonly GuestFile[];
}

export interface GuestLink {
  /** resolves when the guest is ready for commands */
  start: (config: GuestConfig) => Promise<void>;
  /** resolves at once; `started` and `exited` of the process tell the rest */
  exec: (spec: ExecSpec) => Promise<GuestProcess>;
  /** writes back what the shares still hold in the guest */
  sync: () => Promise<void>;
  /** asks the guest to kill all and halt; resolves when it says so or is gone */
  shutdown: () => Promise<void>;
  close: () => void;
}

/** Questions at once; init has fewer outstanding, so only a guest that is no init of ours meets this. */
const DNS_LIMIT = 1024;

interface Waiter {
  resolve: () => void;
  reject: (error: Error) => void;
}

export function connectGuest(socket: Duplex, hooks: GuestHooks): GuestLink {
  return new Link(socket, hooks);
}

class Link implements GuestLink {
  readonly #hooks: GuestHooks;
  readonly #mux: Mux;
  readonly #processes: Processes;
  readonly #syncs = new Map<number, Waiter>();
  #lastSync = 0;
  #syncing: Promise<void> = Promise.resolve();
  #start: Waiter | undefined;
  #isReady = false;
  #shutdown: (() => void) | undefined;
  #questions = 0;
  #failure: SandboxError | undefined;

  constructor(socket: Duplex, hooks: GuestHooks) {
    this.#hooks = hooks;
    this.#mux = new Mux(socket, {
      onFrame: (frame) => this.#onFrame(frame),
      onOpen: (type, payload, stream) => this.#onOpen(type, payload, stream),
      onFault: (reason) => this.#fail(reason),
    });
    this.#processes = new Processes(this.#mux);
  }

  async start(config: GuestConfig): Promise<void> {
    this.#requireLive();
    const message = encodeStart(config);
    const ready = new Promise<void>((resolve, reject) => {
      this.#start = { resolve, reject };
    });
    this.#mux.sendBytes(Buffer.concat(encodeMessage(0, TYPE.start, message)));
    await ready;
  }

  async exec(spec: ExecSpec): Promise<GuestProcess> {
    this.#requireLive();
    return Promise.resolve(this.#processes.exec(spec));
  }

  /** The guest does one at a time. */
  sync(): Promise<void> {
    const next = this.#syncing.catch(() => undefined).then(() => this.#syncOnce());
    this.#syncing = next;
    next.catch(() => undefined);
    return next;
  }

  async #syncOnce(): Promise<void> {
    this.#requireLive();
    const id = ++this.#lastSync;
    const done = new Promise<void>((resolve, reject) => {
      this.#syncs.set(id, { resolve, reject });
    });
    this.#mux.send(0, TYPE.sync, encodeNumbers(id));
    await done;
  }

  async shutdown(): Promise<void> {
    if (this.#mux.isOver) return;
    await new Promise<void>((resolve) => {
      this.#shutdown = resolve;
      this.#mux.send(0, TYPE.shutdown);
    });
  }

  close(): void {
    this.#mux.close();
    this.#settle(
      new SandboxError({ kind: 'internal', code: 'GUEST_CLOSED', message: 'the session is over' }),
    );
  }

  #requireLive(): void {
    if (this.#failure) throw this.#failure;
  }

  #fail(reason: string): void {
    if (this.#failure) return;
    const isExpected = this.#shutdown !== undefined;
    this.#settle(new SandboxError({ kind: 'internal', code: 'GUEST_FAULT', message: reason }));
    if (!isExpected) this.#hooks.onFault(reason);
  }

  /** Tells everyone who waits for the guest that it will not answer. */
  #settle(error: SandboxError): void {
    this.#failure ??= error;
    this.#start?.reject(error);
    this.#start = undefined;
    for (const waiter of this.#syncs.values()) waiter.reject(error);
    this.#syncs.clear();
    this.#processes.fail(error);
    this.#shutdown?.();
  }

  #onFrame(frame: Frame): string | undefined {
    const { type, payload } = frame;
    if (frame.flags !== 0) return `a cut frame ${type}`;
    if (frame.stream !== 0) return this.#processes.receive(frame);
    switch (type) {
      case TYPE.hello:
        return checkGreeting(payload);
      case TYPE.ready:
        return checkGreeting(payload) ?? this.#onReady();
      case TYPE.fault:
        this.#mux.fail(`the guest reports: ${printable(payload)}`);
        return undefined;
      case TYPE.synced:
        return this.#onSynced(payload);
      case TYPE.dnsQuery:
        return this.#onDns(payload);
      case TYPE.bye:
        this.#shutdown?.();
        return undefined;
      default:
        return `unknown frame ${type}`;
    }
  }

  #onReady(): string | undefined {
    if (this.#isReady || !this.#start) return 'READY out of turn';
    this.#isReady = true;
    this.#start.resolve();
    this.#start = undefined;
    return undefined;
  }

  #onSynced(payload: Buffer): string | undefined {
    if (payload.length !== 8) return 'a bad SYNCED';
    const id = payload.readUInt32LE(0);
    const waiter = this.#syncs.get(id);
    if (!waiter) return 'SYNCED out of turn';
    this.#syncs.delete(id);
    const errno = payload.readUInt32LE(4);
    if (errno === 0) waiter.resolve();
    else {
      const message = `the guest could not write everything back (errno ${errno})`;
      waiter.reject(new SandboxError({ kind: 'internal', code: 'GUEST_SYNC_FAILED', message }));
    }
    return undefined;
  }

  #onDns(payload: Buffer): string | undefined {
    if (!this.#isReady) return 'a DNS question before READY';
    if (payload.length < 5 || payload.length > 4 + DNS_MAX) return 'a bad DNS question';
    if (this.#questions >= DNS_LIMIT) return undefined; // unanswered, as a busy server would
    const id = Buffer.from(payload.subarray(0, 4));
    const reply = (answer: Buffer): void => {
      this.#questions--;
      if (answer.length > 0xffff) this.#mux.send(0, TYPE.dnsReply, id);
      else this.#mux.send(0, TYPE.dnsReply, Buffer.concat([id, answer]));
    };
    this.#questions++;
    // The copy outlives this chunk; the hook may keep it as long as it likes.
    const query = Buffer.from(payload.subarray(4));
    Promise.resolve()
      .then(() => this.#hooks.onDns(query))
      .then(reply, () => reply(Buffer.alloc(0)));
    return undefined;
  }

  #onOpen(type: number, payload: Buffer, stream: GuestStream): string | undefined {
    if (!this.#isReady) return 'a stream before READY';
    if (type === TYPE.openTcp || type === TYPE.openUdp) {
      const destination = parseDestination(payload);
      if (destination === undefined) return 'a bad OPEN';
      if (type === TYPE.openTcp) this.#hooks.onConnect(destination, stream);
      else this.#hooks.onDatagrams(destination, stream);
    } else {
      if (payload.length !== 8) return 'a bad OPEN';
      this.#hooks.onSession(stream, { pid: payload.readUInt32LE(0), uid: payload.readUInt32LE(4) });
    }
    return undefined;
  }
}

function encodeStart(config: GuestConfig): Buffer {
  const { user } = config;
  if (config.entropy.length !== ENTROPY_SIZE) throw badConfig('entropy must be 64 bytes');
  const files = config.files ?? [];
  if (files.length > FILES_MAX) throw badConfig(`more than ${FILES_MAX} files`);
  if (config.shares.length > SHARES_MAX) throw badConfig(`more than ${SHARES_MAX} shared paths`);
  const message = Buffer.concat([
    encodeField(START.entropy, config.entropy),
    encodeField(START.time, long(config.time)),
    encodeField(START.hostname, text(config.hostname)),
    encodeField(START.user, text(user.name)),
    encodeField(START.uid, encodeNumbers(user.uid)),
    encodeField(START.gid, encodeNumbers(user.gid)),
    encodeField(START.home, text(plainPath(user.home))),
    encodeField(START.root, encodeNumbers(config.rootAllowed ? 1 : 0)),
    encodeField(START.processes, encodeNumbers(config.processes)),
    encodeField(START.disk, long(BigInt(config.disk ?? 0))),
    ...config.shares.map((path) => encodeField(START.share, text(plainPath(path)))),
    ...portsField(config.datagramPorts ?? []),
    ...files.map(({ path, content }) => encodeField(START.file, fileField(path, content))),
  ]);
  if (message.length > MESSAGE_MAX) throw badConfig('a configuration above 2 MiB');
  return message;
}

function portsField(ports: readonly number[]): Buffer[] {
  if (ports.length > DATAGRAM_PORTS_MAX)
    throw badConfig(`datagrams on more than ${DATAGRAM_PORTS_MAX} ports`);
  if (ports.length === 0) return [];
  const bytes = Buffer.alloc(2 * ports.length);
  ports.forEach((port, i) => bytes.writeUInt16LE(port, 2 * i));
  return [encodeField(START.datagrams, bytes)];
}

function fileField(path: string, content: string | Buffer): Buffer {
  return Buffer.concat([text(plainPath(path)), Buffer.alloc(1), Buffer.from(content as string)]);
}

function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function badConfig(what: string): SandboxError {
  return new SandboxError({ kind: 'usage', code: 'GUEST_BAD_CONFIG', message: what });
}

function checkGreeting(payload: Buffer): string | undefined {
  if (payload.length !== 12 || payload.readUInt32LE(0) !== PROTOCOL_MAGIC) return 'a bad greeting';
  const version = payload.readUInt32LE(4);
  if (version !== PROTOCOL_VERSION || payload.readUInt32LE(8) !== STREAM_WINDOW)
    return `expected protocol ${PROTOCOL_VERSION}, the guest speaks ${version}`;
  return undefined;
}

function parseDestination(payload: Buffer): Destination | undefined {
  if (payload.length !== 20 || payload.readUInt8(1) !== 0) return undefined;
  const family = payload.readUInt8(0);
  const port = payload.readUInt16LE(2);
  const word = (index: number): number => payload.readUInt32BE(4 + 4 * index);
  if (family === 4) {
    if (word(1) !== 0 || word(2) !== 0 || word(3) !== 0) return undefined;
    return { family, port, address: formatAddress({ family, words: [0, 0, 0, word(0)] }) };
  }
  if (family !== 6) return undefined;
  const address: Address = { family, words: [word(0), word(1), word(2), word(3)] };
  return { family, port, address: formatAddress(address) };
}

/** Text of the guest, fit for a log: no control characters, no more than it may be. */
function printable(payload: Buffer): string {
  return payload
    .subarray(0, FAULT_MAX)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, '?');
}
