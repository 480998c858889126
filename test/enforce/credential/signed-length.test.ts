// Vendors' clients sign the length of a body, which the host says anew where it sends one: the signature must hold over both.

import { createHash } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';

import { Secret } from '../../../src/model/secret.ts';
import { signatureFault } from '../../support/clouds/signed.ts';
import { createCredentialRig } from '../../support/credential-rig.ts';
import type { CredentialRig } from '../../support/credential-rig.ts';
import { createSmithySigner } from '../../support/smithy.ts';

const SCOPE = { service: 's3', region: 'eu-west-1' };
const REAL = {
  accessKeyId: 'ASIAREAL',
  secretAccessKey: 'real-secret-key-of-forty-characters-0001',
  sessionToken: 'real-session-token-that-is-longer-than-that',
};
const POLICY = `network: {allow: [{host: cred.test}]}
credentials:
  - id: s3
    provider: aws
    request: {role: "arn:aws:iam::1:role/r", profile: p, actions: ["s3:*"], resources: ["*"]}
    expose: {env: [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN]}
    bind: [{host: cred.test, sign: {service: s3, region: eu-west-1}}]
`;

let rig: CredentialRig | undefined;
afterEach(() => rig?.close());

/** The status the guest gets for a body whose length is signed as `signedLength`. */
async function put(body: string, signedLength: number): Promise<number> {
  rig = await createCredentialRig({
    policy: POLICY,
    mint: () =>
      Promise.resolve({
        material: {
          kind: 'aws',
          accessKeyId: REAL.accessKeyId,
          secretAccessKey: new Secret(REAL.secretAccessKey),
          sessionToken: new Secret(REAL.sessionToken),
        },
        kind: 'keys',
        requested: {},
        granted: {},
      }),
  });
  const { env } = rig;
  const signer = createSmithySigner({
    ...SCOPE,
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
      sessionToken: env['AWS_SESSION_TOKEN'] ?? '',
    },
  });
  const { headers } = await signer.sign({
    method: 'PUT',
    protocol: 'https:',
    hostname: 'cred.test',
    path: '/bucket/key',
    query: {},
    headers: {
      host: 'cred.test',
      'content-length': String(signedLength),
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
    },
    body,
  });
  expect(headers['authorization']).toContain('SignedHeaders=content-length;');
  const { host: _host, 'content-length': _length, ...rest } = headers;
  const { status } = await rig.ask('cred.test', '/bucket/key', {
    method: 'PUT',
    headers: rest,
    body,
  });
  return status;
}

for (const body of ['kept text', ''])
  it(`a signed length of ${body.length} bytes is sent, and signed anew`, async () => {
    expect(await put(body, body.length)).toBe(200);
    const [got] = rig?.got ?? [];
    const fields: [string, string][] = [];
    for (let i = 0; i + 1 < (got?.headers.length ?? 0); i += 2)
      fields.push([(got?.headers[i] ?? '').toLowerCase(), got?.headers[i + 1] ?? '']);
    const lengths = fields.filter(([name]) => name === 'content-length');
    expect(lengths).toEqual([['content-length', String(body.length)]]);
    const request = {
      method: 'PUT',
      target: '/bucket/key',
      path: '/bucket/key',
      query: '',
      fields,
      headers: Object.fromEntries(fields),
      body: got?.body ?? Buffer.alloc(0),
    };
    expect(Object.fromEntries(fields)['authorization']).toContain('content-length;');
    expect(await signatureFault(request, REAL, SCOPE)).toBeUndefined();
  });

it('a length that is signed as another is refused, and nothing is minted', async () => {
  expect(await put('kept text', 8)).toBe(403);
  expect(rig?.minted).toEqual([]);
  expect(rig?.got).toEqual([]);
});
