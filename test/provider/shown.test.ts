import { inspect } from 'node:util';
import { expect, it } from 'vitest';

import { Secret } from '../../src/model/secret.ts';
import type { Revocation } from '../../src/provider/provider.ts';
import { withoutShow } from '../../src/provider/shown.ts';

const VALUE = 'a-value-that-nobody-may-see';

it('prints nothing of the secret in the requests that end a credential, and keeps them whole', () => {
  const revocation: Revocation = {
    method: 'POST',
    url: `https://vendor.test/revoke?token=${VALUE}`,
    headers: { authorization: `Bearer ${VALUE}` },
    body: `token=${VALUE}`,
    done: [200],
  };
  const minted = withoutShow({
    material: { kind: 'token', token: new Secret(VALUE) },
    kind: 'test token',
    requested: {},
    granted: {},
    revocation,
    alsoRevoke: [revocation],
  });
  const error = Object.assign(new Error('failed'), { minted });
  for (const value of [minted, { live: [{ minted }] }, error])
    expect(inspect(value, { depth: 20 })).not.toContain(VALUE);
  expect(inspect(minted)).toContain('POST https://vendor.test');
  expect(JSON.parse(JSON.stringify(minted.revocation))).toEqual(revocation);
  expect(minted.alsoRevoke).toEqual([revocation]);
});
