import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import type { JWTPayload } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type ActionsIdentity, createActionsIdentity } from '../../src/identity/github-actions.ts';
import { type Cloud, startCloud } from '../support/clouds/cloud.ts';
import { faultOf } from '../support/clouds/context.ts';
import { type Oidc, createOidc } from '../support/clouds/oidc.ts';

let time = 0;
let oidc: Oidc;
let cloud: Cloud;
let identity: ActionsIdentity;

async function start(issuer?: string, environment: Record<string, string> = {}): Promise<void> {
  time = Date.parse('2026-11-21T10:00:00Z');
  const now = (): number => time;
  oidc = await createOidc({ now, ...(issuer !== undefined && { issuer }) });
  cloud = await startCloud(oidc);
  identity = createActionsIdentity({
    environment: { ...oidc.environment, ...environment },
    get: cloud.http,
    now,
  });
}
beforeEach(() => start());
afterEach(() => cloud.close());

describe('a token of GitHub Actions', () => {
  it('is asked for by audience and verified (CM-01)', async () => {
    const token = await identity.idToken('sts.amazonaws.com');
    const [request, keys] = cloud.requests;
    expect(request?.query.getAll('audience')).toEqual(['sts.amazonaws.com']);
    expect(request?.headers['authorization']).toBe(
      `Bearer ${oidc.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}`,
    );
    expect(keys).toMatchObject({
      host: 'token.actions.githubusercontent.com',
      path: '/.well-known/jwks',
    });
    expect(await oidc.verify(token.reveal(), 'sts.amazonaws.com')).toMatchObject({
      repository_id: '2',
    });
    expect(inspect(token, { showHidden: true })).not.toContain('eyJ');
  });

  it('says who acts, by numbers that never change hands (CM-05)', async () => {
    const said = await identity.identify();
    expect(said).toMatchObject({
      actor: { login: 'octocat', id: '583231', assurance: 'oidc' },
      run: {
        repository: 'acme/app',
        repositoryId: '2',
        runId: '1658821493',
        attempt: 2,
        workflowRef: 'acme/app/.github/workflows/ci.yml@refs/heads/main',
        event: 'pull_request',
        sha: 'f'.repeat(40),
        pullRequest: 17,
      },
      repository: { name: 'acme/app', id: '2' },
      owner: { name: 'acme', id: '1' },
      issuer: 'https://token.actions.githubusercontent.com',
    });
    expect(said.jti).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(said)).not.toContain('repo:');
  });

  it.each(['repo:acme/app:ref:refs/heads/main', 'repo:evil@9/app@9:environment:prod', 17])(
    'says the same whatever is in `sub`: %s (CM-05)',
    async (sub) => {
      oidc.claims = { sub: sub as string };
      expect((await identity.identify()).repository).toEqual({ name: 'acme/app', id: '2' });
    },
  );

  it('is one for each audience, and never another (CM-07)', async () => {
    const [first, second] = await Promise.all([
      identity.idToken('octo-sts.dev'),
      identity.idToken('sts.amazonaws.com'),
    ]);
    expect(oidc.asked.sort()).toEqual(['octo-sts.dev', 'sts.amazonaws.com']);
    expect(first.reveal()).not.toBe(second.reveal());
    await expect(oidc.verify(first.reveal(), 'sts.amazonaws.com')).rejects.toThrow();
  });

  it('is asked for once while it is fresh, also by many at once', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, () => identity.idToken('a')));
    expect(new Set(many.map((token) => token.reveal())).size).toBe(1);
    time += 239_000;
    expect((await identity.idToken('a')).reveal()).toBe(many[0]?.reveal());
    time += 2_000;
    const fresh = await Promise.all(Array.from({ length: 20 }, () => identity.idToken('a')));
    expect(new Set(fresh.map((token) => token.reveal())).size).toBe(1);
    expect(fresh[0]?.reveal()).not.toBe(many[0]?.reveal());
    expect(oidc.asked).toEqual(['a', 'a']);
  });

  it('is asked for again after a failure', async () => {
    cloud.instead = () => ({ status: 503 });
    expect((await faultOf(identity.idToken('a'))).code).toBe('IDENTITY_INVALID');
    cloud.instead = undefined;
    expect((await identity.idToken('a')).reveal()).toMatch(/^eyJ/);
  });

  it('is not to be had without the right to it, which is named (CM-08)', async () => {
    const bare = createActionsIdentity({ environment: {}, get: cloud.http, now: () => time });
    const error: unknown = await bare.identify().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ kind: 'environment', code: 'IDENTITY_NO_OIDC' });
    expect((error as { hint: string }).hint).toContain('permissions: id-token: write');
    expect(cloud.requests).toEqual([]);
  });

  it.each(['', 'a b', 'a\r\nb', 'ä', 'x'.repeat(1025)])(
    'is not asked for an audience that is none: %j',
    async (audience) => {
      expect((await faultOf(identity.idToken(audience))).code).toBe('IDENTITY_AUDIENCE');
      expect(cloud.requests).toEqual([]);
    },
  );
});

describe('a token that does not hold', () => {
  const cases: [string, JWTPayload][] = [
    [
      'of a look-alike issuer (CM-02)',
      { iss: 'https://token.actions.githubusercontent.com.evil.example' },
    ],
    ['of a path that is no enterprise', { iss: 'https://token.actions.githubusercontent.com/a/b' }],
    ['of an issuer with a blank', { iss: 'https://token.actions.githubusercontent.com/ ' }],
    ['without an issuer', { iss: undefined as never }],
    ['for another audience (CM-07)', { aud: 'someone-else' }],
    ['for several audiences', { aud: ['a', 'b'] }],
    ['for a list of one', { aud: ['a'] }],
    ['expired a second ago (CM-04)', { exp: Date.parse('2026-11-21T09:59:59Z') / 1000 }],
    ['without an end', { exp: undefined as never }],
    ['from 90 s ahead (CM-04)', { iat: Date.parse('2026-11-21T10:01:30Z') / 1000 }],
    ['without a beginning', { iat: undefined as never }],
    ['not to be used for an hour', { nbf: Date.parse('2026-11-21T11:00:00Z') / 1000 }],
  ];
  it.each(cases)('is refused: %s', async (_, claims) => {
    oidc.claims = claims;
    expect((await faultOf(identity.idToken('a'))).code).toBe('IDENTITY_INVALID');
  });

  it('asks no keys of an issuer that is not believed (CM-02)', async () => {
    oidc.claims = { iss: 'https://evil.example' };
    await faultOf(identity.idToken('a'));
    expect(cloud.dialled.filter((place) => !place.startsWith('pipelines.'))).toEqual([]);
  });

  it('may be from a minute ahead, no more', async () => {
    oidc.claims = { iat: time / 1000 + 60, nbf: time / 1000 + 60 };
    expect((await identity.idToken('a')).reveal()).toMatch(/^eyJ/);
    oidc.claims = { iat: time / 1000 + 61 };
    expect((await faultOf(identity.idToken('b'))).code).toBe('IDENTITY_INVALID');
  });

  it('is refused when someone else signed it', async () => {
    oidc.signer = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    expect((await faultOf(identity.idToken('a'))).code).toBe('IDENTITY_INVALID');
  });

  it('is refused with any algorithm but RS256', async () => {
    // A key that does not say what it is for.
    oidc.jwks = oidc.jwks.map((jwk) => ({ ...jwk, alg: undefined }));
    oidc.header = { alg: 'PS256', kid: 'k1' };
    expect((await faultOf(identity.idToken('a'))).code).toBe('IDENTITY_INVALID');
    // A key that is public, used as if it were a shared one.
    oidc.header = { alg: 'HS256', kid: 'k1' };
    oidc.signer = Buffer.from(JSON.stringify(oidc.jwks[0]));
    expect((await faultOf(identity.idToken('b'))).code).toBe('IDENTITY_INVALID');
  });

  it('is refused without a signature', async () => {
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    const [, payload = ''] = (await oidc.sign('a')).split('.');
    for (const value of [
      `${part({ alg: 'none' })}.${payload}.`,
      `${part({ alg: 'none' })}.${payload}.AA`,
    ]) {
      cloud.instead = ({ path }) =>
        path === '/idtoken' ? { status: 200, body: { value } } : undefined;
      expect((await faultOf(identity.idToken('a'))).code).toBe('IDENTITY_INVALID');
    }
  });

  it.each([
    ['no number of the repository', { repository_id: undefined }],
    ['a name for its number', { repository_id: 'app' }],
    ['no number of the actor', { actor_id: undefined }],
    ['no number of the owner', { repository_owner_id: undefined }],
    ['a line break in the login', { actor: 'octo\ncat' }],
    ['no name of its own', { jti: undefined }],
  ])('says nothing of who acts: %s', async (_, claims) => {
    oidc.claims = claims as never;
    expect((await faultOf(identity.identify())).code).toBe('IDENTITY_INVALID');
  });
});

describe("the issuer's keys", () => {
  it('are asked for again when a token names another, with a pause', async () => {
    await identity.idToken('a');
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    oidc.jwks = [{ ...publicKey.export({ format: 'jwk' }), kid: 'k2', alg: 'RS256', use: 'sig' }];
    oidc.header = { alg: 'RS256', kid: 'k2' };
    oidc.signer = privateKey;
    const keysAsked = (): number =>
      cloud.requests.filter(({ path }) => path.endsWith('jwks')).length;
    expect((await faultOf(identity.idToken('b'))).code).toBe('IDENTITY_INVALID');
    expect(keysAsked()).toBe(1);
    time += 31_000;
    expect((await identity.idToken('b')).reveal()).toMatch(/^eyJ/);
    expect(keysAsked()).toBe(2);
  });

  it.each([[[]], [[{ kty: 'oct', k: 'AAAA', kid: 'k1', alg: 'RS256' }]], [['no key']]])(
    'that are none verify nothing: %j',
    async (jwks) => {
      oidc.jwks = jwks as object[];
      expect((await faultOf(identity.idToken('a'))).code).toBe('IDENTITY_INVALID');
    },
  );

  it.each([
    ['https://ghe.example', 'https://ghe.example/_services/token'],
    ['https://acme.ghe.com', 'https://token.actions.acme.ghe.com'],
  ])('are those of the server: %s', async (server, issuer) => {
    await cloud.close();
    await start(issuer, { GITHUB_SERVER_URL: server });
    expect(await identity.identify()).toMatchObject({ issuer });
    oidc.claims = { iss: 'https://token.actions.githubusercontent.com' };
    expect((await faultOf(identity.idToken('b'))).code).toBe('IDENTITY_INVALID');
  });

  it('may be those of an enterprise', async () => {
    await cloud.close();
    await start('https://token.actions.githubusercontent.com/octocorp');
    expect((await identity.identify()).issuer).toMatch(/\/octocorp$/);
  });
});

describe('what is sent in place of a token', () => {
  it.each([
    [{ status: 200, body: 'canary' }],
    [{ status: 200, body: { value: 'canary' } }],
    [{ status: 200, body: { value: ['canary.canary.canary'] } }],
    [{ status: 200, body: { value: 'canary.canary.canary' } }],
    [{ status: 400, body: 'canary' }],
    [{ status: 307, headers: { location: 'https://elsewhere.example/canary' } }],
  ])('is refused without showing it (CM-31): %j', async (answer) => {
    cloud.instead = () => answer;
    const fault = await faultOf(identity.idToken('a'));
    expect(fault.code).toMatch(/^(IDENTITY_INVALID|PROVIDER_UNREACHABLE)$/);
    expect(fault.text).not.toContain('canary');
    expect(cloud.dialled).toEqual(['pipelines.actions.example:443']);
  });
});
