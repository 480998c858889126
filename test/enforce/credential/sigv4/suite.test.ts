import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { verify } from '../../../../src/enforce/credential/sigv4/verify.ts';
import { canonicalRequest, headerValues } from '../../../../src/provider/sigv4/canonical.ts';
import type { PathRule } from '../../../../src/provider/sigv4/canonical.ts';
import { sign, signatureOf } from '../../../../src/provider/sigv4/sign.ts';

interface Case {
  name: string;
  method: string;
  path: string;
  query: string;
  headers: [string, string][];
  rule: PathRule;
  body?: string;
  sessionToken?: string;
  signature: string;
}

const suite = JSON.parse(
  readFileSync(new URL('../../../vectors/sigv4/suite.json', import.meta.url), 'utf8'),
) as {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  service: string;
  date: string;
  host: string;
  cases: Case[];
};
const now = Date.UTC(2015, 7, 30, 12, 36);

function wire(test: Case) {
  const headers: [string, string][] = [['X-Amz-Date', suite.date], ...test.headers];
  return { ...test, host: suite.host, headers };
}

function hashOf(test: Case): string {
  return createHash('sha256')
    .update(test.body ?? '')
    .digest('hex');
}

it.each(suite.cases)('$name has the published signature', (test) => {
  const request = wire(test);
  if (test.sessionToken !== undefined)
    request.headers.push(['X-Amz-Security-Token', test.sessionToken]);
  const names = [...headerValues(request).keys()].sort();
  const canonical = canonicalRequest(request, names, hashOf(test), test.rule);
  expect(canonical).toBeDefined();
  expect(signatureOf(canonical ?? '', suite, suite.date, suite)).toBe(test.signature);
});

it.each(suite.cases.filter(({ rule }) => rule === 'normal'))(
  '$name is signed as published, and verified',
  (test) => {
    const keys = {
      accessKeyId: suite.accessKeyId,
      secretAccessKey: suite.secretAccessKey,
      ...(test.sessionToken === undefined ? {} : { sessionToken: test.sessionToken }),
    };
    const { service, region } = suite;
    const headers = sign(wire(test), keys, { service, region, payload: hashOf(test) }) ?? [];
    expect(headers.at(-1)?.[1]).toContain(`Signature=${test.signature}`);
    const request = { ...wire(test), headers };
    const expected = { service, region, now };
    expect(verify(request, keys, expected, hashOf(test))).toMatchObject({ outcome: 'valid' });
  },
);
