// What the gateway of tool servers costs: the same calls, one round after another, straight to the server, through the gateway (in front of
// a server over HTTP and of one over its standard streams) and through other proxies of the protocol (in front of the latter).

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { processorTimeOf, residentOf } from '../egress/child.ts';
import type { Settings } from '../main.ts';
import { median } from '../table.ts';
import type { Row } from '../table.ts';
import type { Order, Result } from './load.ts';
import { measureMachine } from './machine.ts';
import { startDirect, startGateway, startRivals } from './ways.ts';
import type { RunningWay } from './ways.ts';

const SMALL = 256;
const LARGE = 1_000_000;
const WARM_UP = 1000;

interface Ground {
  settings: Settings;
  direct: RunningWay;
  /** the server over HTTP */
  ours: RunningWay;
  /** the server over its standard streams */
  stdio: RunningWay;
  rivals: RunningWay[];
}

export async function measureMcp(settings: Settings): Promise<Row[]> {
  const folder = join(settings.fast, 'mcp');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const running: RunningWay[] = [];
  const keep = <T extends RunningWay>(way: T): T => {
    running.push(way);
    return way;
  };
  const rows: Row[] = [];
  try {
    const direct = keep(await startDirect());
    const url = `http://127.0.0.1:${direct.port}/mcp`;
    const policy = join(folder, 'policy.yml');
    writeFileSync(policy, policyOf(url));
    const ours = keep(await startGateway(policy, folder, url));
    const stdio = keep(await startGateway(policy, folder));
    const rivals = (
      await startRivals((name, fault) => {
        settings.skip(name, fault);
        process.exitCode = 1;
      })
    ).map(keep);
    const ground: Ground = { settings, direct, ours, stdio, rivals };
    const steps: [string, () => Row[] | Promise<Row[]>][] = [
      ['ready', () => measureReady(ground, policy, folder, url)],
      ['small calls', () => measureSmall(ground)],
      ['large answers', () => measureLarge(ground)],
      ['calls a second', () => measureRates(ground)],
      ['memory', () => measureMemory(ground)],
      ['a server in its own machine', () => measureMachine(settings)],
    ];
    for (const [what, step] of steps) {
      try {
        rows.push(...(await step()));
      } catch (error) {
        settings.skip(what, error instanceof Error ? error.message : String(error));
        process.exitCode = 1;
      }
    }
    return rows;
  } finally {
    await Promise.all(running.map((way) => way.stop()));
  }
}

/** As people write them: a few rules, with arguments that are looked at. */
function policyOf(url: string): string {
  return `version: 1
mcp:
  servers:
    - {id: bench, url: "${url}"}
  allow:
    - id: echo
      server: bench
      tools: [echo]
      arguments: {text: {type: string, maxLength: 2000000}}
    - id: give
      server: bench
      tools: [give]
      arguments: {length: {type: integer, minimum: 0, maximum: 2000000}}
  deny:
    - {id: no-removal, server: bench, tools: ["delete_*", "remove_*"]}
`;
}

interface Measured extends Result {
  /** calls for each second of the way's own processor time; what runs behind it is not counted */
  perProcessorSecond: number;
}

type Asked = Partial<Order> & Pick<Order, 'count'>;

/** One order on each of the ways, in rounds that take turns; medians of the rounds. NaN for rivals that do not do it. */
function interleave(
  { settings, rivals }: Ground,
  ways: readonly RunningWay[],
  order: Asked,
): Measured[] {
  const unable = new Set<RunningWay>();
  const all = ways.map((): Measured[] => []);
  for (let round = 0; round < settings.rounds; round++)
    for (const [index, way] of ways.entries()) {
      if (unable.has(way)) continue;
      try {
        const before = processorTimeOf(way.pid);
        const result = load(settings, way, order);
        const perProcessorSecond = result.done / (processorTimeOf(way.pid) - before);
        all[index]?.push({ ...result, perProcessorSecond });
      } catch (error) {
        if (!rivals.includes(way)) throw error;
        unable.add(way);
        settings.skip(`${order.received ?? SMALL} B by ${way.name}`, String(error).slice(0, 200));
      }
    }
  return all.map((results) => {
    const of = (key: keyof Measured): number => median(results.map((result) => result[key]));
    return {
      ...{ median: of('median'), p95: of('p95'), rate: of('rate'), done: of('done') },
      perProcessorSecond: of('perProcessorSecond'),
    };
  });
}

function load(settings: Settings, way: RunningWay, asked: Asked): Result {
  const { port, path, headers } = way;
  const order: Order = {
    ...{ port, path, headers, callers: 1, warmUp: WARM_UP, sent: SMALL, received: SMALL },
    ...asked,
  };
  const program = join(import.meta.dirname, '../dist/bench-mcp-load.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, JSON.stringify(order)], {
    encoding: 'utf8',
    timeout: 900_000,
  });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (status !== 0 || line === '')
    throw new Error(`calls through ${way.name}: ${stderr.trim().slice(-500)}`);
  const result = JSON.parse(line) as Result;
  settings.say(
    `${order.callers} at once, ${order.received} B, ${way.name}: ` +
      `${result.median.toFixed(2)} ms, p95 ${result.p95.toFixed(2)} ms, ${Math.round(result.rate)}/s`,
  );
  return result;
}

/** How much later than the direct answer the others come: a row for each of ours, the stdio one beside the rivals. */
function addedRows(
  ground: Ground,
  results: readonly Measured[],
  figure: { name: string; of: 'median' | 'p95'; most: number },
): Row[] {
  const [direct = NaN, ours = NaN, stdio = NaN, ...others] = results.map((one) => one[figure.of]);
  const row = (name: string, value: number, rivals: Row['rivals']): Row => ({
    group: 'mcp',
    name: `${figure.name}, ${name}, added ${figure.of === 'p95' ? '95th percentile' : 'median'}`,
    ...{ unit: 'ms', ours: value - direct, rivals },
    target: { text: `<= ${figure.most} ms`, isKept: value - direct <= figure.most },
  });
  return [
    row('server over HTTP', ours, [{ name: 'the call itself, direct', value: direct }]),
    row(
      'server over stdio',
      stdio,
      ground.rivals.map(({ name }, index) => ({ name, value: (others[index] ?? NaN) - direct })),
    ),
  ];
}

const allOf = ({ direct, ours, stdio, rivals }: Ground): RunningWay[] => [
  ...[direct, ours, stdio],
  ...rivals,
];

function measureSmall(ground: Ground): Row[] {
  const results = interleave(ground, allOf(ground), { count: 1500 });
  const name = `a call of ${SMALL} B`;
  return [
    ...addedRows(ground, results, { name, of: 'median', most: 0.5 }),
    ...addedRows(ground, results, { name, of: 'p95', most: 2 }),
  ];
}

function measureLarge(ground: Ground): Row[] {
  const order = { count: 12, warmUp: 4, received: LARGE };
  const answers = interleave(ground, allOf(ground), { ...order, sent: 0 });
  const both = interleave(ground, allOf(ground), { ...order, sent: LARGE });
  const figure = { of: 'median', most: 60 } as const;
  return [
    ...addedRows(ground, answers, { name: 'an answer of 1 MB', ...figure }),
    ...addedRows(ground, both, { name: '1 MB there and back', ...figure }).map(
      ({ target: _, ...row }) => row,
    ),
  ];
}

function measureRates(ground: Ground): Row[] {
  const callers = 32;
  const results = interleave(ground, allOf(ground), { callers, count: 4000 });
  const rows = (what: string, of: 'rate' | 'perProcessorSecond'): Row[] => {
    const [direct = NaN, ours = NaN, stdio = NaN, ...others] = results.map((one) => one[of]);
    const row = (name: string, value: number, rivals: Row['rivals']): Row => ({
      group: 'mcp',
      name: `calls of ${SMALL} B, ${callers} at once, ${name}${what}`,
      ...{ unit: '1/s', ours: value, rivals },
      target: { text: '>= 3000 /s', isKept: value >= 3000 },
    });
    return [
      row('server over HTTP', ours, [{ name: 'direct', value: direct }]),
      row(
        'server over stdio',
        stdio,
        ground.rivals.map(({ name }, index) => ({ name, value: others[index] ?? NaN })),
      ),
    ];
  };
  return [...rows('', 'rate'), ...rows(', by processor time', 'perProcessorSecond')];
}

function measureMemory({ settings, ours }: Ground): Row[] {
  const many = settings.calls;
  load(settings, ours, { callers: 32, count: Math.ceil(many / 10) });
  const before = residentOf(ours.pid);
  load(settings, ours, { callers: 32, count: many });
  const after = residentOf(ours.pid);
  return [
    {
      ...{ group: 'mcp', name: `memory after ${many} more calls`, unit: 'MB', ours: after },
      rivals: [{ name: 'before them', value: before }],
      target: { text: '<= 1.1 x', isKept: after <= before * 1.1 },
    },
  ];
}

/** From the start of a process until it takes calls; ours has asked the server for all it has by then. */
async function measureReady(
  { settings, rivals }: Ground,
  policy: string,
  folder: string,
  url: string,
): Promise<Row[]> {
  const times: number[] = [];
  const others = new Map(rivals.map(({ name, ready }) => [name, [ready]]));
  for (let round = 0; round < settings.rounds; round++) {
    const gateway = await startGateway(policy, folder, url);
    times.push(gateway.ready);
    await gateway.stop();
    for (const rival of await startRivals(() => undefined)) {
      others.get(rival.name)?.push(rival.ready);
      await rival.stop();
    }
  }
  const ours = median(times);
  return [
    {
      ...{
        group: 'mcp',
        name: 'from the start of the process to the first call',
        unit: 'ms',
        ours,
      },
      rivals: [...others].map(([name, values]) => ({ name, value: median(values) })),
      target: { text: '<= 150 ms', isKept: ours <= 150 },
    },
  ];
}
