// Egress on real sockets of the loopback: a guest's side, origins behind addresses that look public, and the records made.

import { once } from 'node:events';
import dgram from 'node:dgram';
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { dialDatagrams } from '../../src/enforce/egress/datagrams.ts';
import { createEgress } from '../../src/enforce/egress/egress.ts';
import type { Egress, EgressLimits } from '../../src/enforce/egress/egress.ts';
import type { HttpLimits } from '../../src/enforce/egress/http/limits.ts';
import { readProxySettings } from '../../src/enforce/egress/upstream-proxy/setting.ts';
import type { Injector } from '../../src/enforce/injection.ts';
import { createPoint, type Point } from '../../src/enforce/point.ts';
import type { DecisionEvent, LifecycleEvent } from '../../src/model/event.ts';
import type { EffectivePolicy, Mode, NetworkRule } from '../../src/model/policy.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { NO_SERVERS, noSections } from '../../src/policy/sections.ts';
import { dnsQuery, readDnsAnswer } from './dns.ts';
import type { ReadAnswer } from './dns.ts';

export type Rule = Partial<
  Pick<
    NetworkRule,
    'hosts' | 'cidrs' | 'ports' | 'protocol' | 'methods' | 'paths' | 'limit' | 'egress'
  >
>;

export interface RigOptions {
  /** instead of one made of the rules below */
  policy?: EffectivePolicy;
  allow?: Rule[];
  deny?: Rule[];
  mode?: Mode;
  egress?: number;
  /** what the host's resolver answers; a name that is not here does not exist */
  hosts?: Record<string, string[] | (() => Promise<string[]>)>;
  limits?: Partial<EgressLimits>;
  httpLimits?: Partial<HttpLimits>;
  /** the host's socket of a flow of datagrams, before it is connected */
  onDatagramSocket?: (socket: dgram.Socket) => void;
  /** believed of the origins of inspected connections, and of proxies */
  ca?: string[];
  /** what puts credentials into requests, given the rig's point */
  injectorOf?: (point: Point) => Injector | undefined;
  /** the host's variables that name its proxies */
  proxies?: Record<string, string>;
}

export interface Rig {
  egress: Egress;
  records: (DecisionEvent | LifecycleEvent)[];
  /** request texts of recorded denials, with reasons */
  denials(): string[];
  /** request texts of recorded allows */
  allows(): string[];
  outcomes(): LifecycleEvent[];
  /** names asked of the host's resolver */
  looked: string[];
  /** `ADDRESS:PORT` of every connection that was begun */
  dialled: string[];
  faults: string[];
  /** Makes a listener answer for `ADDRESS:PORT`. */
  serve(where: string, onConnection: (socket: Socket) => void): Promise<void>;
  /** Answers every datagram to `ADDRESS:PORT`. */
  serveDatagrams(where: string, reply: (bytes: Buffer) => Buffer): Promise<void>;
  resolve(name: string, type?: number): Promise<ReadAnswer>;
  /** A guest program's socket to `address:port`. */
  connect(address: string, port: number): Promise<Socket>;
  /** Resolves in the guest, then gives a port of the loopback where its connections to the name begin. */
  portFor(name: string, port: number, at?: number): Promise<number>;
  /** Resolves in the guest, then connects; rejects when the name has no address. */
  connectByName(name: string, port: number): Promise<Socket>;
  close(): Promise<void>;
}

export function createPolicy(options: RigOptions): EffectivePolicy {
  const rules = (list: 'allow' | 'deny'): NetworkRule[] =>
    (options[list] ?? []).map((rule, index) => ({
      hosts: [],
      cidrs: [],
      ports: [80, 443],
      place: `network.${list}[${index}]`,
      file: 'policy.yml',
      line: index + 1,
      column: 1,
      ...rule,
    }));
  const none = { allow: [], deny: [] };
  return {
    version: 1,
    digest: 'sha256:0',
    mode: options.mode ?? 'enforce',
    workspace: '/w',
    home: '/h',
    layers: [
      {
        name: 'repo',
        file: 'policy.yml',
        digest: 'sha256:0',
        network: { allow: rules('allow'), deny: rules('deny') },
        filesystem: none,
        execution: none,
        credentials: [],
        mcp: noSections().mcp,
        narrows: [],
      },
    ],
    limits: {
      cpus: 1,
      memory: 1,
      processes: 1,
      ...(options.egress === undefined ? {} : { egress: options.egress }),
    },
    require: {},
    user: 'agent',
    clamps: [],
    credentials: [],
    mcp: NO_SERVERS,
    workflow: { outputs: true, env: [], path: false },
  };
}

export async function createRig(options: RigOptions): Promise<Rig> {
  const policy = options.policy ?? createPolicy(options);
  const records: (DecisionEvent | LifecycleEvent)[] = [];
  const log = {
    append: (event: DecisionEvent | LifecycleEvent) => {
      records.push(event);
      return { seq: records.length, id: String(records.length) };
    },
  };
  const point = createPoint({ decide: createDecider(policy), log, mode: policy.mode });
  const looked: string[] = [];
  const dialled: string[] = [];
  const faults: string[] = [];
  const ports = new Map<string, number>();
  const datagramPorts = new Map<string, number>();
  const datagramServers: dgram.Socket[] = [];
  const guestPorts = new Map<string, Promise<number>>();
  const servers: net.Server[] = [];
  const sockets = new Set<Socket>();
  const closedPort = await freePort();

  const injector = options.injectorOf?.(point);
  const egress = createEgress({
    point,
    policy,
    guestName: 'guest-box',
    ca: options.ca ?? [],
    ...(injector && { injector }),
    proxies: readProxySettings(options.proxies ?? {}),
    onFault: (reason) => faults.push(reason),
    limits: { stagger: 20, ...options.limits },
    httpLimits: options.httpLimits ?? {},
    lookup: async (name) => {
      looked.push(name);
      const answer = options.hosts?.[name];
      if (answer === undefined)
        throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
      return typeof answer === 'function' ? answer() : answer;
    },
    dialDatagrams: (address, port) => {
      dialled.push(`${address}:${port}/udp`);
      const socket = dialDatagrams(
        '127.0.0.1',
        datagramPorts.get(`${address}:${port}`) ?? closedPort,
      );
      options.onDatagramSocket?.(socket);
      return socket;
    },
    dial: (address, port) => {
      dialled.push(`${address}:${port}`);
      return net.connect({
        host: '127.0.0.1',
        port: ports.get(`${address}:${port}`) ?? closedPort,
        allowHalfOpen: true,
        noDelay: true,
      });
    },
  });

  async function serveDatagrams(where: string, reply: (bytes: Buffer) => Buffer): Promise<void> {
    const server = dgram.createSocket('udp4');
    server.on('message', (bytes, from) => server.send(reply(bytes), from.port, from.address));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    datagramServers.push(server);
    datagramPorts.set(where, server.address().port);
  }

  async function listen(onConnection: (socket: Socket) => void, at = 0): Promise<number> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  const listenFor = (address: string, port: number, at?: number): Promise<number> =>
    listen((stream) => egress.onConnect({ address, port, family: net.isIP(address) }, stream), at);

  async function connect(address: string, port: number): Promise<Socket> {
    const where = `${address}:${port}`;
    const listening = guestPorts.get(where) ?? listenFor(address, port);
    guestPorts.set(where, listening);
    const guestPort = await listening;
    const socket = net.connect({ host: '127.0.0.1', port: guestPort, allowHalfOpen: true });
    sockets.add(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  async function resolve(name: string, type = 1): Promise<ReadAnswer> {
    return readDnsAnswer(await egress.onDns(dnsQuery(name, type)));
  }

  const decisions = (effect: string): DecisionEvent[] =>
    records.filter(
      (event): event is DecisionEvent => event.type === 'decision' && event.effect === effect,
    );

  return {
    egress,
    records,
    looked,
    dialled,
    faults,
    denials: () => decisions('deny').map((event) => `${event.request}: ${event.reason}`),
    allows: () => decisions('allow').map((event) => event.request),
    outcomes: () => records.filter((event): event is LifecycleEvent => event.type === 'outcome'),
    serveDatagrams,
    serve: async (where, onConnection) => {
      ports.set(where, await listen(onConnection));
    },
    resolve,
    connect,
    portFor: async (name, port, at) => {
      const [address] = (await resolve(name)).addresses;
      if (address === undefined) throw new Error(`${name} has no address`);
      return listenFor(address, port, at);
    },
    connectByName: async (name, port) => {
      const [address] = (await resolve(name)).addresses;
      if (address === undefined) throw new Error(`${name} has no address`);
      return connect(address, port);
    },
    close: async () => {
      egress.close();
      for (const socket of sockets) socket.destroy();
      for (const server of datagramServers) server.close();
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    },
  };
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** All that comes until the other side ends or resets. */
export async function readAll(socket: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((done) => {
    socket.once('end', done);
    socket.once('close', done);
  });
  return Buffer.concat(chunks);
}

export function waitFor(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (condition()) resolve();
      else setTimeout(look, 5);
    };
    look();
  });
}
