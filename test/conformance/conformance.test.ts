// The protocol's own suite, direct and through the gateway: no check comes out another way, but those named here with the reason.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { startFixture, type Fixture } from '../support/mcp/fixture/server.ts';
import { differences, type Findings, runSuite } from './suite.ts';
import { startTarget, type Target } from './target.ts';

interface Expected {
  /** revision → `SCENARIO CHECK: DIRECT -> THROUGH` → the rule that makes it so */
  [revision: string]: Record<string, string>;
}

const expected = JSON.parse(
  readFileSync(new URL('./expected-differences.json', import.meta.url), 'utf8'),
) as Expected;

let fixture: Fixture;
let target: Target;
beforeAll(async () => {
  fixture = await startFixture();
  target = await startTarget(fixture.url, () => true);
});
afterAll(async () => {
  await target.close();
  await fixture.close();
});

const passed = (all: Findings): number =>
  [...all.values()].filter((status) => status === 'SUCCESS').length;

it.each(['2025-11-25', '2026-07-28'])(
  'of the revision %s finds the same through the gateway',
  async (revision) => {
    const direct = await runSuite(fixture.url, revision);
    const through = await runSuite(target.url, revision);
    expect(passed(direct)).toBeGreaterThan(50);
    expect(differences(direct, through)).toEqual(Object.keys(expected[revision] ?? {}).sort());
  },
);
