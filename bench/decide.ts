// Median time of one decision with 300 rules in four layers, as JSON.
import { createDecider } from '../src/policy/decide.ts';
import { NO_SERVERS, noSections } from '../src/policy/sections.ts';
import type { Layer, RuleOrigin, Sections } from '../src/model/policy.ts';
import type { Request } from '../src/model/request.ts';

const ROUNDS = 200;
const REPEAT = 50;

function origin(place: string): RuleOrigin {
  return { place, file: 'bench', line: 1, column: 1 };
}

/** A hundred rules of the kinds people write: exact and wildcard hosts, blocks, directories, globs, programs. */
function sections(name: string): Sections {
  const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  return {
    network: {
      allow: [
        ...range(20).map((i) => ({
          ...origin(`h${i}`),
          hosts: [`${name}${i}.example.com`],
          cidrs: [],
          ports: [443],
        })),
        ...range(10).map((i) => ({
          ...origin(`w${i}`),
          hosts: [`**.${name}${i}.example.org`],
          cidrs: [],
          ports: [443],
        })),
        ...range(10).map((i) => ({
          ...origin(`c${i}`),
          hosts: [],
          cidrs: [`10.${i}.0.0/16`],
          ports: [5432],
        })),
      ],
      deny: range(10).map((i) => ({
        ...origin(`d${i}`),
        hosts: [`**.${name}-deny${i}.test`],
        cidrs: [],
      })),
    },
    filesystem: {
      allow: [
        { ...origin('ws'), path: '/home/u/ws', access: 'write' as const },
        ...range(14).map((i) => ({
          ...origin(`f${i}`),
          path: `/home/u/.cache/${name}${i}`,
          access: 'write' as const,
        })),
      ],
      deny: [
        ...range(10).map((i) => ({
          ...origin(`p${i}`),
          path: `/home/u/ws/${name}${i}/**`,
          access: 'write' as const,
        })),
        ...range(10).map((i) => ({ ...origin(`n${i}`), path: `/home/u/ws/**/.${name}${i}` })),
        ...range(5).map((i) => ({ ...origin(`g${i}`), path: `/home/u/ws/**/*.${name}${i}` })),
      ],
    },
    execution: {
      allow: [],
      deny: range(10).map((i) => ({ ...origin(`x${i}`), path: `${name}${i}` })),
    },
    credentials: [],
    mcp: noSections().mcp,
    narrows: ['workspace'],
  };
}

const empty: Sections = {
  network: { allow: [], deny: [] },
  filesystem: { allow: [{ ...origin('system'), path: '/usr', access: 'read' }], deny: [] },
  execution: { allow: [{ ...origin('execution'), path: '/**', default: 'execution' }], deny: [] },
  credentials: [],
  mcp: noSections().mcp,
  narrows: [],
};
const layer = (name: Layer['name'], own: Sections): Layer => ({
  name,
  file: name,
  digest: '',
  ...own,
  ...(name === 'org' ? { max: own } : {}),
});
const layers = [
  layer('builtin', empty),
  layer('org', sections('org')),
  layer('team', sections('org')),
  layer('repo', sections('org')),
];
const rules = layers
  .flatMap((one) => [one, ...(one.max === undefined ? [] : [one.max])])
  .flatMap((one) => [
    ...one.network.allow,
    ...one.network.deny,
    ...one.filesystem.allow,
    ...one.filesystem.deny,
    ...one.execution.allow,
    ...one.execution.deny,
  ]).length;

const decide = createDecider({
  version: 1,
  digest: '',
  mode: 'enforce',
  workspace: '/home/u/ws',
  home: '/home/u',
  layers,
  limits: { cpus: 1, memory: 1, processes: 1 },
  require: {},
  user: 'agent',
  clamps: [],
  credentials: [],
  mcp: NO_SERVERS,
  workflow: { outputs: true, env: [], path: false },
});

const requests: Request[] = [
  { kind: 'connect', host: 'org3.example.com', port: 443 },
  { kind: 'connect', host: 'a.b.org3.example.org', port: 443 },
  { kind: 'connect', host: 'nowhere.test', port: 443 },
  { kind: 'connect', host: '10.3.2.1', port: 5432 },
  { kind: 'resolve', name: 'org3.example.com' },
  { kind: 'read', path: '/home/u/ws/src/deep/down/in/the/tree/file.ts' },
  { kind: 'write', path: '/home/u/ws/src/index.ts' },
  { kind: 'read', path: '/usr/lib/x86_64-linux-gnu/libc.so.6' },
  { kind: 'read', path: '/home/u/ws/node_modules/some/package/.org3/file' },
  { kind: 'exec', path: '/usr/bin/git' },
];

const times: number[] = [];
for (let round = 0; round < ROUNDS; round++)
  for (const request of requests) {
    const start = performance.now();
    for (let i = 0; i < REPEAT; i++) decide(request);
    times.push(((performance.now() - start) * 1000) / REPEAT);
  }
const sorted = times.slice(times.length / 4).sort((a, b) => a - b); // the first quarter warms up
const at = (share: number): number =>
  Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2));
console.log(
  JSON.stringify({
    name: 'decide',
    rules,
    medianMicroseconds: at(0.5),
    p99Microseconds: at(0.99),
    limitMicroseconds: 5,
  }),
);
