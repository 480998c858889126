// The caller of every way of the bench: `node bench-mcp-load.js ORDER` prints one line of JSON, `{median, p95, rate, done}`.

import { begin, openClient } from './client.ts';
import type { Way } from './client.ts';
import { textOf } from './text.ts';

export interface Order extends Way {
  /** calls at once, each on a connection of its own */
  callers: number;
  /** calls in all, those of the warm-up not counted */
  count: number;
  warmUp: number;
  /** characters there and back */
  sent: number;
  received: number;
}

export interface Result {
  /** milliseconds */
  median: number;
  p95: number;
  /** calls a second */
  rate: number;
  /** calls in all, those of the warm-up included */
  done: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const clients = await Promise.all(Array.from({ length: order.callers }, () => openClient(order)));
const [first] = clients;
if (first === undefined) throw new Error('no callers');
const session = await begin(first);
const isEcho = order.sent === order.received;
const params = isEcho
  ? { name: 'echo', arguments: { text: textOf(order.sent) } }
  : { name: 'give', arguments: { length: order.received } };
let id = 0;

async function run(count: number): Promise<{ times: number[]; seconds: number }> {
  const times: number[] = [];
  let left = count;
  const begun = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      while (left-- > 0) {
        const message = { jsonrpc: '2.0', id: (id += 1), method: 'tools/call', params };
        const startedAt = performance.now();
        const { head, body } = await client.post(message, session);
        times.push(performance.now() - startedAt);
        // Every answer is there and long enough: one that is refused would be fast.
        if (!head.includes(' 200 ') || !body.includes('"content"') || body.length < order.received)
          throw new Error(`${head.split('\r\n')[0]} ${body.slice(0, 300)}`);
      }
    }),
  );
  return { times, seconds: (performance.now() - begun) / 1000 };
}

await run(order.warmUp);
const { times, seconds } = await run(order.count);
times.sort((a, b) => a - b);
const at = (part: number): number => times[Math.floor(times.length * part)] ?? NaN;
const result: Result = {
  median: at(0.5),
  p95: at(0.95),
  rate: order.count / seconds,
  done: order.count + order.warmUp,
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
