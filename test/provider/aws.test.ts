import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import type { SandboxError } from '../../src/model/error.ts';
import { aws } from '../../src/provider/aws.ts';
import { splitWords } from '../../src/provider/aws-profile.ts';
import { readXml } from '../../src/provider/aws-xml.ts';
import type { MintContext } from '../../src/provider/provider.ts';
import { faultOf as faultWithout } from '../support/clouds/fault.ts';
import { formOf, listen } from '../support/clouds/listen.ts';
import type { Cloud, CloudRequest } from '../support/clouds/listen.ts';
import { startSts } from '../support/clouds/sts.ts';
import type { StsOptions } from '../support/clouds/sts.ts';
import { mintContext } from '../support/clouds/workload.ts';
import { createRandom } from '../support/random.ts';

const role = 'arn:aws:iam::123456789012:role/ci/agent-llm';
const keys = {
  accessKeyId: 'ASIAREAL',
  secretAccessKey: 'canary/5f0c7a1e9b2d4c6f',
  sessionToken: 'canary-token/9d8e7f==',
};
const profileKeys = { accessKeyId: 'AKIAHOST', secretAccessKey: 'host-secret/canary' };
const actions = ['s3:GetObject'];
const resources = ['arn:aws:s3:::bucket/*'];

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(options: Partial<StsOptions> = {}): Promise<Cloud> {
  const cloud = await startSts({ role, keys, ...options });
  closing.push(cloud.close);
  return cloud;
}

function context(
  cloud: Cloud,
  request: JsonObject = {},
  change: Partial<MintContext> = {},
): MintContext {
  return mintContext({ role, actions, resources, endpoint: cloud.url, ...request }, change);
}

function faultOf(minting: Promise<unknown>): Promise<SandboxError> {
  return faultWithout(minting, 'canary');
}

describe('keys of a role by the identity of the workload', () => {
  it.each(['json', 'xml'] as const)(
    'come with their end and their session, in %s',
    async (format) => {
      const cloud = await start({ format });
      const before = Date.now();
      const minted = await aws.mint(context(cloud));
      const { material } = minted;
      if (material.kind !== 'aws') throw new Error(material.kind);
      expect(material.accessKeyId).toBe(keys.accessKeyId);
      expect(material.secretAccessKey.reveal()).toBe(keys.secretAccessKey);
      expect(material.sessionToken?.reveal()).toBe(keys.sessionToken);
      expect(minted.notAfter).toBeGreaterThanOrEqual(before + 899_000);
      expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 900_000);
      expect(minted.granted).toEqual({ role, actions, resources });
      expect(minted.correlation?.['assumedRole']).toBe(
        'arn:aws:sts::123456789012:assumed-role/agent-llm/session-1.run-2@octocat',
      );
      expect(minted.revocation).toBeUndefined();
      expect(JSON.stringify(minted)).not.toContain('canary');
    },
  );

  it('are asked for in a body, never in a URL (CM-19), with the policy of the request', async () => {
    const cloud = await start();
    await aws.mint(context(cloud, {}, { ttl: 3_600_000 }));
    expect(cloud.requests.map(({ method, target }) => `${method} ${target}`)).toEqual(['POST /']);
    expect(JSON.stringify(cloud.requests[0]?.fields)).not.toContain('eyJ');
    const fields = formOf(cloud.requests[0] as CloudRequest);
    expect(fields?.['DurationSeconds']).toBe('3600');
    expect(JSON.parse(fields?.['Policy'] ?? '')).toEqual({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: actions, Resource: resources }],
    });
  });

  it('end when the answer says, not when they were asked to (CM-22)', async () => {
    const cloud = await start({ lifetime: 900 });
    const minted = await aws.mint(context(cloud, {}, { ttl: 3_600_000 }));
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 900_000);
  });

  it('end with the policy where that is before the shortest that AWS makes', async () => {
    const cloud = await start();
    const minted = await aws.mint(context(cloud, {}, { ttl: 60_000 }));
    expect(formOf(cloud.requests[0] as CloudRequest)?.['DurationSeconds']).toBe('900');
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('are refused with the size of a policy that is too large, and not asked for without (CM-20)', async () => {
    for (const format of ['json', 'xml'] as const) {
      const cloud = await start({ format, packedLimit: 50 });
      const error = await faultOf(aws.mint(context(cloud)));
      expect(error).toMatchObject({ code: 'PROVIDER_AWS_POLICY' });
      expect(error.message).toMatch(/400 \(PackedPolicyTooLarge\) .* of 1\d\d characters/);
      expect(cloud.requests).toHaveLength(1);
    }
  });

  it('are not asked for with a policy that AWS would not take', async () => {
    const cloud = await start();
    for (const [request, said] of [
      [{ resources: Array.from({ length: 100 }, (_, i) => `arn:aws:s3:::bucket-${i}/*`) }, '2048'],
      [{ actions: [] }, 'empty list'],
      [{ actions: ['s3:Get"Object'] }, 's3:GetObject'],
      [{ resources: ['bucket'] }, 'arn:aws:s3'],
      [{ role: 'agent' }, 'arn:aws:iam'],
      [{ region: 'evil.example.com/' }, 'region'],
    ] as [JsonObject, string][]) {
      const error = await faultOf(aws.mint(context(cloud, request)));
      expect(error.kind).toBe('policy');
      expect(error.message).toContain(said);
    }
    expect(cloud.requests).toEqual([]);
  });

  it('are let go of where they are of another role', async () => {
    const cloud = await start({ assumedRole: 'admin' });
    expect(await faultOf(aws.mint(context(cloud)))).toMatchObject({ code: 'PROVIDER_SURPLUS' });
  });

  it('are refused with no more than the status and a known name (CM-31)', async () => {
    const cloud = await start();
    const other = 'arn:aws:iam::123456789012:role/other';
    const error = await faultOf(aws.mint(context(cloud, { role: other })));
    expect(error.message).toBe('AWS STS: expected status 200, got 400 (ValidationError)');
    for (const [type, body] of [
      ['application/json', '{"Error":{"Code":"canary"}}'],
      ['text/xml', '<Error><Code>canary</Code></Error>'],
      ['text/html', '<html>canary'],
      ['application/json', '{"canary'],
    ] as const) {
      const odd = await listen(() => ({ status: 400, headers: { 'content-type': type }, body }));
      closing.push(odd.close);
      const { message } = await faultOf(aws.mint(context(odd)));
      expect(message).toBe('AWS STS: expected status 200, got 400');
    }
  });

  it('are not asked for anywhere else (CM-32)', async () => {
    const second = await start();
    const first = await listen(() => ({ status: 307, headers: { location: second.url } }));
    closing.push(first.close);
    await faultOf(aws.mint(context(first)));
    expect(second.requests).toEqual([]);
  });

  it('are refused where the answer is not whole', async () => {
    const good = {
      Credentials: { AccessKeyId: 'A', SecretAccessKey: 'B', SessionToken: 'C', Expiration: 4e9 },
      AssumedRoleUser: {
        Arn: 'arn:aws:sts::123456789012:assumed-role/agent-llm/session-1.run-2@octocat',
      },
    };
    const answers: [string, JsonObject][] = [
      ['whole', good],
      ['no user', { Credentials: good.Credentials }],
      [
        'no end',
        { ...good, Credentials: { AccessKeyId: 'A', SecretAccessKey: 'B', SessionToken: 'C' } },
      ],
      ['over', { ...good, Credentials: { ...good.Credentials, Expiration: 1 } }],
      ['a line end', { ...good, Credentials: { ...good.Credentials, SessionToken: 'C\r\nx: y' } }],
      ['a list', { ...good, Credentials: [] }],
    ];
    const seen: string[] = [];
    for (const [name, result] of answers) {
      const body = JSON.stringify({
        AssumeRoleWithWebIdentityResponse: { AssumeRoleWithWebIdentityResult: result },
      });
      const headers = { 'content-type': 'application/json' };
      const cloud = await listen(() => ({ status: 200, headers, body }));
      closing.push(cloud.close);
      const outcome = await aws.mint(context(cloud)).then(
        () => 'minted',
        (error: SandboxError) => error.code,
      );
      seen.push(`${name}: ${outcome}`);
    }
    expect(seen).toEqual([
      'whole: minted',
      ...answers.slice(1).map(([name]) => `${name}: PROVIDER_ANSWER`),
    ]);
  });
});

describe('keys of a role by a profile of the host', () => {
  function homeWith(config: string, credentials = ''): string {
    const home = mkdtempSync(join(tmpdir(), 'aws-profile-'));
    closing.push(() => rmSync(home, { recursive: true }));
    mkdirSync(join(home, '.aws'));
    writeFileSync(join(home, '.aws/config'), config);
    writeFileSync(join(home, '.aws/credentials'), credentials);
    return home;
  }
  const noIdentity = (): Promise<never> => Promise.reject(new Error('asked for an identity'));

  async function mintBy(home: string, profile = 'dev', change: Partial<MintContext> = {}) {
    const cloud = await start({ profileKeys, region: 'eu-central-1' });
    const request = { profile, region: 'eu-central-1' };
    return aws.mint(context(cloud, request, { home, idToken: noIdentity, ...change }));
  }

  it('are asked for with a signature, under the same policy', async () => {
    const { accessKeyId, secretAccessKey } = profileKeys;
    const home = homeWith(
      '[profile dev]\nregion = eu-west-1\ns3 =\n  max_concurrent_requests = 1\n[profile other]\nsso_session = x\n',
      `[other]\naws_access_key_id = no\n\n[dev] # mine\naws_access_key_id = ${accessKeyId} ; old\naws_secret_access_key=${secretAccessKey}\n`,
    );
    const minted = await mintBy(home);
    expect(minted.granted).toEqual({ role, actions, resources });
    const wrong = homeWith(
      '',
      `[dev]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=x\n`,
    );
    expect((await faultOf(mintBy(wrong))).message).toContain('403 (SignatureDoesNotMatch)');
  });

  it('may come from a program that the profile names', async () => {
    const home = homeWith('');
    const program = join(home, 'print keys');
    const print = (value: object): void => {
      writeFileSync(program, `#!/bin/sh\ntest "$1" = 'a b' && echo '${JSON.stringify(value)}'\n`);
      chmodSync(program, 0o755);
    };
    writeFileSync(
      join(home, '.aws/config'),
      `[profile dev]\ncredential_process = "${program}" 'a b'\n`,
    );
    const { accessKeyId, secretAccessKey } = profileKeys;
    const printed = { Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey };
    print(printed);
    expect((await mintBy(home)).kind).toBe('temporary keys of a role');
    print({ ...printed, Expiration: '2020-01-01T00:00:00Z' });
    expect((await faultOf(mintBy(home))).message).toContain('have ended');
    print({ ...printed, Version: 2 });
    expect((await faultOf(mintBy(home))).code).toBe('PROVIDER_AWS_PROFILE');
    writeFileSync(program, '#!/bin/sh\necho canary >&2; echo canary; exit 3\n');
    expect((await faultOf(mintBy(home))).message).toContain('failed (3)');
  });

  it('are refused where the profile needs more than is done here, with a way out', async () => {
    for (const [text, said] of [
      ['sso_session = acme\nsso_account_id = 1', 'sso_session'],
      ['role_arn = arn:aws:iam::1:role/x\nsource_profile = y', 'role_arn'],
      ['credential_process = x\nrole_arn = y', 'role_arn'],
      ['region = eu-west-1', 'no keys'],
      ['credential_process = "x', 'quotes'],
    ]) {
      const error = await faultOf(mintBy(homeWith(`[profile dev]\n${text}\n`)));
      expect(error).toMatchObject({ kind: 'environment', code: 'PROVIDER_AWS_PROFILE' });
      expect(error.message).toContain(said);
    }
    expect((await faultOf(mintBy('/nonexistent'))).message).toContain('no keys');
    expect((await faultOf(mintBy('/nonexistent', '../x'))).message).toContain('name of a profile');
  });
});

it('splits a command as a shell does', () => {
  expect(splitWords(`a  'b c' "d \\"e\\"" f\\ g h'i'"j" ''`)).toEqual([
    ...['a', 'b c', 'd "e"', 'f g', 'hij', ''],
  ]);
  for (const line of [`a 'b`, 'a "b', 'a \\']) expect(() => splitWords(line)).toThrow('quotes');
});

describe('XML', () => {
  it('is read where it is plain', () => {
    expect(readXml('<?xml version="1.0"?><A xmlns="x"><B>1 &lt; 2</B><C> <D></D></C></A>')).toEqual(
      {
        A: { B: '1 < 2', C: { D: '' } },
      },
    );
  });

  it.each([
    ['<A><B>1</B><B>2</B></A>', 'an element twice'],
    ['<A b="c"></A>', 'an attribute'],
    ['<!DOCTYPE A [<!ENTITY b "c">]><A>&b;</A>', 'a doctype'],
    ['<A>&b;</A>', 'an entity of its own'],
    ['<A>&#65;</A>', 'a number'],
    ['<A><![CDATA[b]]></A>', 'a section'],
    ['<A><!-- b --></A>', 'a comment'],
    ['<A>b<B></B></A>', 'text beside elements'],
    ['<A></A><B></B>', 'two roots'],
    ['<A>', 'no end'],
    [`${'<A>'.repeat(9)}${'</A>'.repeat(9)}`, 'too deep'],
    [`<A>${'b'.repeat(70_000)}</A>`, 'too long'],
  ])('is refused: %s', (source) => {
    expect(readXml(source)).toBeUndefined();
  });

  it('of any bytes ends in a value or in none', () => {
    const random = createRandom('aws-xml');
    const pieces = [
      '<A>',
      '</A>',
      '<B xmlns="x">',
      '</B>',
      '&amp;',
      '&',
      '<',
      '>',
      't',
      ' ',
      '<?xml',
      ']]>',
    ];
    for (let round = 0; round < 20_000; round++) {
      const source = Array.from({ length: random.below(12) }, () =>
        random.pick(pieces as [string]),
      ).join('');
      const value = readXml(source);
      if (value !== undefined) expect(Object.keys(value)).toHaveLength(1);
    }
  });
});
