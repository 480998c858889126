// The client of every proxy of the bench: `node bench-egress-load.js ORDER` prints one line of JSON, `{value, failures, done}`.

import { readFileSync } from 'node:fs';
import tls from 'node:tls';

import { openClient } from './client.ts';
import type { Client, Route } from './client.ts';

export interface Order extends Omit<Route, 'trust'> {
  /** file of PEM: who is believed */
  ca: string;
  /**
   * rate: requests a second on kept connections; connects: connections a second, with one request each; bytes: bytes a second;
   * latency: median milliseconds of requests one after another; requests: how many of `count` were served; hold: how many
   * connections serve a second request while all are open
   */
  what: 'rate' | 'connects' | 'bytes' | 'latency' | 'requests' | 'hold';
  connections: number;
  /** requests at once on each connection; 1 with HTTP/1.1 */
  streams: number;
  seconds: number;
  count: number;
}

export interface Result {
  value: number;
  failures: number;
  /** requests, or bytes, in all, those of the warm-up included */
  done: number;
}

const WARM_UP_MS = 1000;
const DOWNLOAD = 32 * 1024 * 1024;
/** as a program would open many: not all in one instant */
const OPENED_AT_ONCE = 50;
const MAX_FAILURES = 20;

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const trust = tls.createSecureContext({ ca: readFileSync(order.ca, 'utf8') });
const route: Route = { ...order, trust };
let failures = 0;
let done = 0;
const measures: Record<Order['what'], () => Promise<number>> = {
  rate: onKept((client) => client.get('/read/a').then(() => 1)),
  bytes: onKept((client) => client.get(`/bytes/${DOWNLOAD}`)),
  connects: () =>
    perSecond(order.connections, async () => {
      const client = await openClient(route);
      await client.get('/read/a');
      client.close();
      return 1;
    }),
  latency,
  requests,
  hold,
};
const value = await measures[order.what]();
process.stdout.write(`${JSON.stringify({ value, failures, done } satisfies Result)}\n`, () =>
  process.exit(),
);

async function attempt(task: () => Promise<unknown>): Promise<boolean> {
  try {
    await task();
    return true;
  } catch (error) {
    failures += 1;
    process.stderr.write(`${String(error)}\n`);
    return false;
  }
}

/** What tasks finish a second between the end of the warm-up and the end of the time. */
async function perSecond(tasks: number, task: (index: number) => Promise<number>): Promise<number> {
  const begin = performance.now() + WARM_UP_MS;
  const end = begin + order.seconds * 1000;
  let counted = 0;
  const repeat = async (index: number): Promise<void> => {
    while (performance.now() < end && failures < MAX_FAILURES)
      await attempt(async () => {
        const amount = await task(index);
        done += amount;
        const now = performance.now();
        if (now >= begin && now < end) counted += amount;
      });
  };
  await Promise.all(Array.from({ length: tasks }, (_, index) => repeat(index)));
  return counted / order.seconds;
}

/** A client for each of the tasks that may run at once. */
async function openAll(): Promise<Client[]> {
  const clients = await Promise.all(
    Array.from({ length: order.connections }, () => openClient(route)),
  );
  return clients.flatMap((client) => Array<Client>(order.streams).fill(client));
}

function onKept(task: (client: Client) => Promise<number>): () => Promise<number> {
  return async () => {
    const clients = await openAll();
    return perSecond(clients.length, (index) => {
      const client = clients[index];
      return client === undefined ? Promise.reject(new Error('no client')) : task(client);
    });
  };
}

async function latency(): Promise<number> {
  const client = await openClient(route);
  const times: number[] = [];
  for (let index = 0; index < order.count; index++) {
    const begun = performance.now();
    await client.get('/read/a');
    times.push(performance.now() - begun);
  }
  // The first quarter warms up.
  const sorted = times.slice(order.count / 4).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

async function requests(): Promise<number> {
  const clients = await openAll();
  let left = order.count;
  let served = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (left-- > 0 && failures < MAX_FAILURES)
        if (await attempt(() => client.get('/read/a'))) served += 1;
    }),
  );
  return served;
}

async function hold(): Promise<number> {
  const clients: Client[] = [];
  const open = async (): Promise<void> => {
    const client = await openClient(route);
    await client.get('/read/a');
    clients.push(client);
  };
  for (let begun = 0; begun < order.connections; begun += OPENED_AT_ONCE)
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, () => attempt(open)));
  let served = 0;
  await Promise.all(
    clients.map(async (client) => {
      if (await attempt(() => client.get('/read/b'))) served += 1;
    }),
  );
  return served;
}
