// The protocol's own suite, direct and through the gateway: no check comes out another way, but those named here with the reason.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, it } from 'vitest';

import { createContent } from '../../src/enforce/mcp/content/create-content.ts';
import { createPins } from '../../src/enforce/mcp/pins/create-pins.ts';
import { createRemoteUpstream } from '../../src/enforce/mcp/remote/remote.ts';
import { createStdioUpstream } from '../../src/enforce/mcp/stdio/stdio.ts';
import type { Upstream } from '../../src/enforce/mcp/upstream.ts';
import { createScanner } from '../../src/enforce/scan/scanner.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { policyOf } from '../policy/support.ts';
import { startFixture, type Fixture } from '../support/mcp/fixture/server.ts';
import { spawnFixture } from '../support/mcp/fixture/stdio.ts';
import { differences, type Findings, runSuite } from './suite.ts';
import { openParts, startTarget, type Parts } from './target.ts';

interface Expected {
  /** way → revision → `SCENARIO CHECK: DIRECT -> THROUGH` → the rule that makes it so, or what else */
  [way: string]: Record<string, Record<string, string>>;
}

const expected = JSON.parse(
  readFileSync(new URL('./expected-differences.json', import.meta.url), 'utf8'),
) as Expected;

const REVISIONS = ['2025-11-25', '2026-07-28'];

/** Tools, prompts and resources are allowed, and no feature is: contents and pins are those of a session. */
function plainParts(): Parts {
  const policy = policyOf([
    [
      'repo',
      [
        'mcp:',
        '  servers: [{id: fixture, url: "http://localhost/mcp"}]',
        '  allow: [{id: all, server: fixture, tools: ["*"], prompts: ["*"], resources: ["*"]}]',
      ].join('\n'),
    ],
  ]);
  const content = createContent({
    known: createScanner(),
    secrets: { arguments: 'block', results: 'redact' },
    key: Buffer.alloc(32, 2),
  });
  return { decide: createDecider(policy), content, pins: createPins({}) };
}

let fixture: Fixture;
const direct = new Map<string, Findings>();
const over = {
  http: () => createRemoteUpstream({ url: fixture.url }),
  stdio: () =>
    createStdioUpstream({
      spawn: spawnFixture,
      onStderr: () => undefined,
      onGarbage: (lines) => {
        throw new Error(`${lines} lines are no messages`);
      },
    }),
};
beforeAll(async () => {
  fixture = await startFixture();
  await Promise.all(
    REVISIONS.map(async (revision) => direct.set(revision, await runSuite(fixture.url, revision))),
  );
});
afterAll(() => fixture.close());

const passed = (all: Findings): number =>
  [...all.values()].filter((status) => status === 'SUCCESS').length;

describe.each<[string, () => Upstream, () => Parts]>([
  ['http', over.http, openParts],
  ['stdio', over.stdio, openParts],
  ['http, no feature open', over.http, plainParts],
])('through the gateway, over %s,', (way, upstream, parts) => {
  it.concurrent.for(REVISIONS)(
    'of the revision %s finds what it finds without',
    async (revision, { expect }) => {
      const found = direct.get(revision) ?? new Map<string, string>();
      expect(passed(found)).toBeGreaterThan(50);
      const target = await startTarget(upstream(), parts());
      try {
        const through = await runSuite(target.url, revision);
        const known = Object.keys(expected[way]?.[revision] ?? {}).sort();
        expect(differences(found, through)).toEqual(known);
      } finally {
        await target.close();
      }
    },
  );
});
