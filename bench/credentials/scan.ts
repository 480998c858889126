// How fast answers are looked through for live values, and bodies for placeholders, against `Buffer.indexOf` for one value.

import { randomBytes } from 'node:crypto';

import { createPlaceholders } from '../../src/enforce/credential/placeholder/placeholders.ts';
import { createScanner } from '../../src/enforce/scan/scanner.ts';
import { createScrubber } from '../../src/enforce/scan/scrub.ts';
import { createBodyGuard } from '../../src/enforce/credential/surface/body-guard.ts';
import { readValue } from '../../src/enforce/credential/surface/slot.ts';
import { placesIn } from '../../src/enforce/credential/surface/surfaces.ts';
import { Secret } from '../../src/model/secret.ts';
import type { Settings } from '../main.ts';
import { median } from '../table.ts';
import type { Row } from '../table.ts';

const MEGA = 1e6;
const BYTES = 16 * MEGA;
const CHUNK = 64 * 1024;
const LIVE = 20;
const PER_SECOND = 200;
/** for one request: half of what injection may add */
const MOST_MICROSECONDS = 150;

export function measureScan(settings: Settings): Row[] {
  const rounds = Math.max(5, settings.rounds);
  const values = Array.from({ length: LIVE }, (_, index) => valueOf(index));
  return Object.entries(texts())
    .flatMap(([name, chunks]) => {
      settings.say(`scanning ${name}`);
      return measureText({ name, chunks, values, rounds });
    })
    .concat(measureHead(rounds));
}

/** As they are minted: tokens of GitHub, keys of AWS, and a long JWT in every ten. */
function valueOf(index: number): string {
  if (index % 10 === 0) return `eyJhbGciOiJSUzI1NiJ9.${randomBytes(600).toString('base64url')}`;
  if (index % 2 === 0) return `ghs_${randomBytes(27).toString('base64url')}`;
  return randomBytes(30).toString('base64');
}

function texts(): Record<string, Buffer[]> {
  const noise = randomBytes(BYTES);
  const word = (at: number): string => (noise[at] ?? 0).toString(36);
  let json = '';
  for (let at = 0; json.length < MEGA; at += 4)
    json += `{"id":${at},"login":"${word(at)}${word(at + 1)}","url":"https://api.example.com/users/${word(at + 2)}","text":"some words as people write them, ${word(at + 3)}\\n"},`;
  return {
    'random bytes': cut(noise),
    JSON: cut(Buffer.alloc(BYTES, json)),
    base64: cut(Buffer.from(noise.toString('base64')).subarray(0, BYTES)),
    hexadecimal: cut(Buffer.from(noise.toString('hex')).subarray(0, BYTES)),
  };
}

function cut(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) chunks.push(bytes.subarray(at, at + CHUNK));
  return chunks;
}

interface Text {
  name: string;
  chunks: readonly Buffer[];
  values: readonly string[];
  rounds: number;
}

function measureText({ name, chunks, values, rounds }: Text): Row[] {
  const scanner = createScanner();
  values.forEach((value, index) =>
    scanner.add({ credential: `c${index}`, secret: new Secret(value), replacement: 'asbx' }),
  );
  const placeholders = createPlaceholders(randomBytes);
  for (let index = 0; index < LIVE; index++) placeholders.issue(`c${index}`, 'github');
  const [first = ''] = values;
  const ways = {
    scrub: () => {
      const scrubber = createScrubber(scanner);
      for (const chunk of chunks) scrubber.push(chunk);
      scrubber.end();
      if (scrubber.hits().length > 0) throw new Error('a value was found where there is none');
    },
    guard: () => {
      const guard = createBodyGuard(placeholders);
      for (const chunk of chunks) guard.push(chunk);
      guard.end();
    },
    indexOf: () => {
      const needle = Buffer.from(first);
      for (const chunk of chunks) if (chunk.includes(needle)) throw new Error('found');
    },
  };
  const speeds = alternate(ways, rounds, (seconds) => BYTES / MEGA / seconds);
  const rivals = [{ name: 'indexOf of one value', value: speeds.indexOf }];
  return [
    {
      group: 'credentials',
      name: `answers scrubbed of ${LIVE} values, ${name}`,
      unit: 'MB/s',
      ours: speeds.scrub,
      rivals,
      target: { text: `>= ${PER_SECOND} MB/s`, isKept: speeds.scrub >= PER_SECOND },
    },
    {
      group: 'credentials',
      name: `bodies guarded, ${name}`,
      unit: 'MB/s',
      ours: speeds.guard,
      rivals,
    },
  ];
}

/** One request with a placeholder: where it stands, and the value put in. */
function measureHead(rounds: number): Row[] {
  const placeholders = createPlaceholders(randomBytes);
  const value = `Bearer ${placeholders.issue('gh', 'github')}`;
  const secret = new Secret(valueOf(2));
  const head = {
    method: 'GET',
    target: '/repos/acme/app/issues?state=open&per_page=100',
    fields: [
      ['accept', 'application/vnd.github+json'],
      ['authorization', value],
      ['user-agent', 'octokit-core.js/7.0.2 Node.js/20'],
      ['x-github-api-version', '2022-11-28'],
    ] as const,
  };
  const REPEAT = 2000;
  const { put } = alternate(
    {
      put: () => {
        for (let i = 0; i < REPEAT; i++) {
          placesIn(head, placeholders);
          const read = readValue(value, placeholders);
          if (read.kind !== 'slot' || read.fill(secret) === undefined) throw new Error('no slot');
        }
      },
    },
    rounds,
    (seconds) => (seconds * 1e6) / REPEAT,
  );
  const isKept = put <= MOST_MICROSECONDS;
  return [
    {
      group: 'credentials',
      name: 'placeholder found in a request and replaced',
      unit: 'us',
      ours: put,
      rivals: [],
      target: { text: `<= ${MOST_MICROSECONDS} us`, isKept },
    },
  ];
}

/** Medians; one way after another in every round, so that a busy machine is unfair to none. */
function alternate<Name extends string>(
  ways: Record<Name, () => void>,
  rounds: number,
  toFigure: (seconds: number) => number,
): Record<Name, number> {
  const names = Object.keys(ways) as Name[];
  const figures = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++)
    for (const name of names) {
      const start = performance.now();
      ways[name]();
      // The first round warms up.
      if (round >= 0) figures.get(name)?.push(toFigure((performance.now() - start) / 1000));
    }
  return Object.fromEntries(names.map((name) => [name, median(figures.get(name) ?? [])])) as Record<
    Name,
    number
  >;
}
