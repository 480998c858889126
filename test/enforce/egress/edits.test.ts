import { expect, it } from 'vitest';

import { createEdits } from '../../../src/enforce/egress/edits.ts';
import type { EffectivePolicy } from '../../../src/model/policy.ts';
import type { Request } from '../../../src/model/request.ts';
import { explain } from '../../../src/policy/explain.ts';
import { createPolicy } from '../../support/egress-rig.ts';

const ask = (path: string): Request => ({
  kind: 'http',
  method: 'POST',
  scheme: 'https',
  host: 'a.test',
  port: 443,
  path,
});

function policyWith(files: number): EffectivePolicy {
  const policy = createPolicy({ allow: [{ hosts: ['a.test'], methods: ['GET'] }] });
  const origin = { place: 'filesystem.deny', file: 'policy.yml', line: 9, column: 1 };
  for (const layer of policy.layers)
    layer.filesystem.deny = Array.from({ length: files }, (_, i) => ({
      ...origin,
      path: `/f${i}`,
    }));
  return policy;
}

it('the edit is the one that explain gives', () => {
  const policy = policyWith(100);
  const request = ask('/x');
  const { edit } = explain(policy, request);
  expect(edit).toContain('methods: [POST], paths: ["/x"]');
  expect(createEdits(policy)(request)).toBe(edit);
  const within = { ...policyWith(1), layers: [], within: policy };
  expect(createEdits(within)(request)).toBe(explain(within, request).edit);
});

it('is left out, and said to be, while denials come faster than edits can be worked out', () => {
  let clock = 0;
  // Each look at the clock is half of an edit's time: they take 100 ms each.
  const editFor = createEdits(policyWith(1), () => (clock += 100));
  const texts = Array.from({ length: 1000 }, (_, i) => editFor(ask(`/x${i}`)));
  const edits = texts.filter((text) => text.includes('paths:'));
  expect(edits.length).toBeGreaterThan(5);
  expect(edits.length).toBeLessThan(100);
  const rest = texts.filter((text) => text.includes('agent-sandbox policy explain'));
  expect(edits.length + rest.length).toBe(texts.length);
  clock += 60_000;
  expect(editFor(ask('/later'))).toContain('paths: ["/later"]');
  expect(editFor(ask('/x0'))).toBe(texts[0]);
});
