// Requests judged on the host, against other proxies that end TLS: same client, same origin, one round after another.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

import { createCertificate, createKeyPair } from '../../src/enforce/egress/http/certificate.ts';
import type { Settings } from '../main.ts';
import { median } from '../table.ts';
import type { Row } from '../table.ts';
import { processorTimeOf, residentOf, startOwn } from './child.ts';
import type { Server } from './child.ts';
import { GUEST_NAMES, measureFromGuest } from './guest.ts';
import type { Order, Result } from './load.ts';
import { canPin, prepareRivals } from './rivals.ts';

/** What rivals call the origin, since they look names up themselves; ours is told where it is. */
const LOCAL = 'localhost';
const NAME = 'origin.example.com';
const SPAN = { notBefore: new Date('2020-01-01'), notAfter: new Date('2049-12-31') };
const HELD = 1000;
const MANY = 100_000;
const WARM_UP = 3000;
const MEGA = 1e6;

/** One way to the origin. */
interface Way {
  name: string;
  port: number;
  pid: number;
  isProxy: boolean;
  host: string;
  ca: string;
  hasH2: boolean;
}

interface Ground {
  settings: Settings;
  folder: string;
  origin: Server;
  originCert: string;
  /** where everything runs but the proxy that is measured, which has a processor to itself */
  cores: string;
}

export async function measureEgress(settings: Settings): Promise<Row[]> {
  if (!canPin()) throw new Error('taskset (util-linux) is missing, or this is no Linux');
  const folder = join(settings.fast, 'egress');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { originCert, originKey, authority } = writeCertificates(folder);
  const cores = cpus().length > 1 ? `1-${cpus().length - 1}` : '0';
  const origin = await startOwn('origin', [originCert, originKey], cores);
  const ground: Ground = { settings, folder, origin, originCert, cores };
  const servers: Server[] = [origin];
  const own = async (name: string, rule: string, ...more: string[]): Promise<Server> => {
    const file = join(folder, `${name}.yml`);
    writeFileSync(
      file,
      `version: 1\nnetwork: {allow: [{host: ${NAME}, ports: [${origin.port}]${rule}}]}\n`,
    );
    const server = await startOwn(
      'proxy',
      [file, String(origin.port), originCert, folder, join(folder, `${name}.pem`), ...more],
      '0',
    );
    servers.push(server);
    return server;
  };
  try {
    const ours = await own('judged', ', methods: [GET], paths: ["/read/*", "/bytes/*"]');
    const way: Way = {
      ...{ name: 'ours', port: ours.port, pid: ours.pid, isProxy: true, host: NAME },
      ...{ ca: join(folder, 'judged.pem'), hasH2: true },
    };
    const direct: Way = {
      ...{ name: 'direct', port: origin.port, pid: origin.pid, isProxy: false, host: LOCAL },
      ...{ ca: originCert, hasH2: true },
    };
    const rivals: Way[] = [];
    for (const rival of prepareRivals({ ...settings, folder, origin: originCert, authority })) {
      const server = await rival.start('0');
      servers.push(server);
      const { name, ca, hasH2 } = rival;
      rivals.push({
        name,
        ca,
        hasH2,
        port: server.port,
        pid: server.pid,
        isProxy: true,
        host: LOCAL,
      });
    }
    const passed = await own('passed', '', NAME);
    const relay = await startOwn('relay', [String(origin.port)], '0');
    servers.push(relay);
    const plain = { name: 'plain relay in Node', port: relay.port, pid: relay.pid };
    const unread = { ...way, port: passed.port, pid: passed.pid, isProxy: false, ca: originCert };
    const steps: [string, () => Row[]][] = [
      ['requests a second', () => measureRates(ground, way, rivals)],
      ['added latency', () => measureLatency(ground, way, direct, rivals)],
      ['connections passed through', () => measurePassing(ground, unread, { ...direct, ...plain })],
      ['many connections', () => measureHeld(ground, way)],
      ['memory', () => measureMemory(ground, way)],
      [
        'requests from the guest',
        () => measureFromGuest(settings, { folder, cert: originCert, key: originKey }),
      ],
    ];
    const rows: Row[] = [];
    for (const [what, step] of steps) {
      try {
        rows.push(...step());
      } catch (error) {
        settings.skip(what, error instanceof Error ? error.message : String(error));
        process.exitCode = 1;
      }
    }
    return rows;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

function writeCertificates(folder: string): {
  originCert: string;
  originKey: string;
  authority: string;
} {
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const pem = (key: ReturnType<typeof createKeyPair>): string =>
    key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const [key, authorityKey] = [createKeyPair(), createKeyPair()];
  const alternatives = [LOCAL, NAME, ...Object.values(GUEST_NAMES)] as const;
  const cert = createCertificate({ name: NAME, key, isAuthority: false, alternatives, ...SPAN });
  const authority = createCertificate({
    ...{ name: 'bench authority', key: authorityKey, isAuthority: true, ...SPAN },
  });
  return {
    originCert: write('origin.pem', cert),
    originKey: write('origin.key', pem(key)),
    authority: write('authority.pem', `${authority}${pem(authorityKey)}`),
  };
}

interface Measured {
  /** median of the rounds */
  value: number;
  /** requests for each second of the proxy's processor time: what others on the machine cannot take away */
  perProcessorSecond: number;
}

type Asked = Pick<Order, 'what' | 'protocol'> & Partial<Order>;

/** One order through each of the ways, in rounds that take turns. */
function interleave(ground: Ground, ways: readonly Way[], order: Asked): Measured[] {
  const values = ways.map((): number[] => []);
  const rates = ways.map((): number[] => []);
  const { protocol, connections = 32, streams = 1 } = order;
  // Compilers and caches warm up by work, not by time.
  for (const way of ways)
    load(ground, way, { what: 'requests', protocol, connections, streams, count: WARM_UP });
  for (let round = 0; round < ground.settings.rounds; round++)
    for (const [index, way] of ways.entries()) {
      const before = processorTimeOf(way.pid);
      const { value, done } = load(ground, way, order);
      values[index]?.push(value);
      rates[index]?.push(done / (processorTimeOf(way.pid) - before));
    }
  return ways.map((_, index) => ({
    value: median(values[index] ?? []),
    perProcessorSecond: median(rates[index] ?? []),
  }));
}

function load({ origin, cores, settings }: Ground, way: Way, order: Asked): Result {
  const { port, isProxy, host, ca } = way;
  const full: Order = {
    ...{ connections: 32, streams: 1, seconds: 3, count: 1000 },
    ...{ port, isProxy, host, ca, originPort: origin.port },
    ...order,
  };
  const program = join(import.meta.dirname, '../dist/bench-egress-load.js');
  const { status, stdout, stderr } = spawnSync(
    'taskset',
    ['-c', cores, process.execPath, program, JSON.stringify(full)],
    { encoding: 'utf8', timeout: 600_000 },
  );
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (status !== 0 || line === '')
    throw new Error(`${order.what} through ${way.name}: ${stderr.trim().slice(-500)}`);
  const result = JSON.parse(line) as Result;
  const { value, failures } = result;
  if (failures > 0)
    throw new Error(
      `${order.what} through ${way.name}: ${failures} failed: ${stderr.slice(0, 500)}`,
    );
  settings.say(`${order.what} ${order.protocol} ${way.name}: ${value.toPrecision(4)}`);
  return result;
}

function measureRates(ground: Ground, ours: Way, rivals: readonly Way[]): Row[] {
  return (['h1', 'h2'] as const).flatMap((protocol) => {
    const able = rivals.filter(({ hasH2 }) => protocol === 'h1' || hasH2);
    const shape = protocol === 'h1' ? { connections: 32 } : { connections: 4, streams: 8 };
    const results = interleave(ground, [ours, ...able], { what: 'rate', protocol, ...shape });
    const row = (name: string, valueOf: (result: Measured) => number): Row => {
      const [own = NaN, ...others] = results.map(valueOf);
      const compared = able.map(({ name: rival }, at) => ({
        name: rival,
        value: others[at] ?? NaN,
      }));
      return {
        ...{ group: 'egress', name, unit: '1/s', ours: own, rivals: compared },
        ...(compared.length > 0 && {
          target: {
            text: compared.map(({ name: rival }) => `>= ${factorOf(rival)} x ${rival}`).join(', '),
            isKept: compared.every(({ name: rival, value }) => own >= factorOf(rival) * value),
          },
        }),
      };
    };
    const name = `judged requests of ${protocol === 'h1' ? 'HTTP/1.1' : 'HTTP/2'}, 32 at once`;
    return [
      row(name, ({ value }) => value),
      row(`${name}, by processor time`, ({ perProcessorSecond }) => perProcessorSecond),
    ];
  });
}

function factorOf(rival: string): number {
  return rival === 'mitmproxy' ? 5 : 0.5;
}

function measureLatency(ground: Ground, ours: Way, direct: Way, rivals: readonly Way[]): Row[] {
  const order = { what: 'latency', protocol: 'h1', connections: 1, count: 2000 } as const;
  const all = interleave(ground, [direct, ours, ...rivals], order);
  const [plain = NaN, own = NaN, ...others] = all.map(({ value }) => value);
  return [
    {
      group: 'egress',
      name: 'added to a request on a kept connection, median',
      unit: 'ms',
      ours: own - plain,
      rivals: rivals.map(({ name }, index) => ({ name, value: (others[index] ?? NaN) - plain })),
      target: { text: '<= 0.6 ms', isKept: own - plain <= 0.6 },
    },
  ];
}

function measureHeld(ground: Ground, ours: Way): Row[] {
  const { value: held } = load(ground, ours, { what: 'hold', protocol: 'h1', connections: HELD });
  return [
    {
      ...{ group: 'egress', name: 'connections open at once, all served', unit: '', ours: held },
      rivals: [],
      target: { text: `${HELD}`, isKept: held >= HELD },
    },
  ];
}

function measureMemory(ground: Ground, ours: Way): Row[] {
  const order = { what: 'requests', protocol: 'h1' } as const;
  load(ground, ours, { ...order, count: MANY / 10 });
  const before = residentOf(ours.pid);
  const { value: served } = load(ground, ours, { ...order, count: MANY });
  const after = residentOf(ours.pid);
  return [
    {
      ...{ group: 'egress', name: `memory after ${served} more requests`, unit: 'MB', ours: after },
      rivals: [{ name: 'before them', value: before }],
      target: { text: '<= 1.1 x', isKept: served === MANY && after <= before * 1.1 },
    },
  ];
}

function measurePassing(ground: Ground, ours: Way, relay: Way): Row[] {
  const both = [ours, relay];
  const of = (what: 'bytes' | 'connects', connections: number): Measured[] =>
    interleave(ground, both, { what, protocol: 'h1', connections });
  const [bytes, connects] = [of('bytes', 4), of('connects', 8)];
  const row = (name: string, unit: Row['unit'], [own = NaN, other = NaN]: number[]): Row => ({
    group: 'egress',
    ...{ name, unit, ours: own, rivals: [{ name: relay.name, value: other }] },
    target: { text: '>= 0.8 x', isKept: own >= other * 0.8 },
  });
  const scaled = (results: Measured[], scale: number): [number[], number[]] => [
    results.map(({ value }) => value * scale),
    results.map(({ perProcessorSecond }) => perProcessorSecond * scale),
  ];
  const [rate, byTime] = scaled(bytes, 1 / MEGA);
  const [opened, openedByTime] = scaled(connects, 1);
  const time = ', by processor time';
  return [
    row('TLS passed through unread', 'MB/s', rate),
    row(`TLS passed through unread${time}`, 'MB/s', byTime),
    row('TLS connections passed through, one request each', '1/s', opened),
    row(`TLS connections passed through${time}`, '1/s', openedByTime),
  ];
}
