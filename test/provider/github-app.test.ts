import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import { UnrevokedError } from '../../src/provider/fault.ts';
import { githubApp } from '../../src/provider/github-app.ts';
import type { MintContext, Minted } from '../../src/provider/provider.ts';
import { revoke } from '../../src/provider/revoke.ts';
import { type Cloud, startCloud } from '../support/clouds/cloud.ts';
import { faultOf, mintContext } from '../support/clouds/context.ts';
import { type Github, createGithub } from '../support/clouds/github.ts';

const REQUEST = {
  app: 'Iv23liExample',
  key: { env: 'APP_KEY' },
  repositories: ['acme/app'],
  permissions: { contents: 'read' },
};

let github: Github;
let cloud: Cloud;
beforeEach(async () => {
  github = createGithub();
  cloud = await startCloud(github);
});
afterEach(() => cloud.close());

function mint(more: JsonObject = {}, context: Partial<MintContext> = {}): Promise<Minted> {
  const environment = { APP_KEY: github.key };
  const request = { ...REQUEST, ...more };
  return githubApp.mint(mintContext(cloud, undefined, request, { environment, ...context }));
}

function tokenOf({ material }: Minted): string {
  if (material.kind !== 'token') throw new Error('no token');
  return material.token.reveal();
}

describe('an installation token', () => {
  it('is asked for by repository and permission, and tells what it may do', async () => {
    const before = Date.now();
    const minted = await mint();
    expect(minted.requested).toEqual({
      repositories: ['acme/app'],
      permissions: { contents: 'read' },
    });
    expect(minted.granted).toEqual({
      repositories: ['acme/app'],
      permissions: { contents: 'read', metadata: 'read' },
    });
    expect(minted.notAfter).toBeGreaterThan(before + 3_590_000);
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 3_600_000);
    const asked = cloud.requests.map(({ method, path }) => `${method} ${path}`);
    expect(asked).toEqual([
      'GET /repos/acme/app/installation',
      'POST /app/installations/77/access_tokens',
    ]);
    expect(JSON.parse(cloud.requests[1]?.body ?? '')).toEqual({
      repositories: ['app'],
      permissions: { contents: 'read' },
    });
  });

  it('is opaque, whatever form it has (CM-13)', async () => {
    const minted = await mint();
    expect(tokenOf(minted).length).toBeGreaterThan(500);
    expect(tokenOf(minted)).toMatch(/^ghs_123_[\w-]+\.[\w-]+\.[\w-]+_-$/);
    expect(inspect(minted, { depth: 9 })).toContain('***');
    expect(JSON.stringify(minted.material)).not.toContain(tokenOf(minted));
  });

  it('is found in the audit log by its hash (CM-34)', async () => {
    const minted = await mint();
    const hash = createHash('sha256').update(tokenOf(minted)).digest('base64');
    expect(minted.correlation).toEqual({ tokenSha256: hash });
  });

  it('ends when it is revoked, and stays so', async () => {
    const { revocation } = await mint();
    if (revocation === undefined) throw new Error('no revocation');
    expect(github.live.size).toBe(1);
    expect(await revoke(revocation, cloud.http)).toBe('revoked');
    expect(github.live.size).toBe(0);
    expect(await revoke(revocation, cloud.http)).toBe('revoked');
  });

  it('ends no later than the ttl, and no later than GitHub says (CM-22)', async () => {
    const now = (): number => 1_800_000_000_000;
    await cloud.close();
    github = createGithub({ now });
    cloud = await startCloud(github);
    expect((await mint({}, { now, ttl: 60_000 })).notAfter).toBe(now() + 60_000);
    expect((await mint({}, { now, ttl: 7_200_000 })).notAfter).toBe(now() + 3_600_000);
    github.grant = { expires_at: new Date(now() + 900_000).toISOString() };
    expect((await mint({}, { now })).notAfter).toBe(now() + 900_000);
  });

  it('may be for several repositories of one owner, and of another server', async () => {
    await cloud.close();
    github = createGithub({ host: 'git.example', prefix: '/api/v3' });
    cloud = await startCloud(github);
    const api = 'https://git.example/api/v3';
    const minted = await mint({ api, repositories: ['acme/app', 'lib'] });
    expect(minted.granted['repositories']).toEqual(['acme/app', 'acme/lib']);
    expect(minted.revocation?.url).toBe(`${api}/installation/token`);
  });
});

describe('an installation token that is more than was asked for', () => {
  it.each([
    ['a higher level (CM-10)', { permissions: { contents: 'write', metadata: 'read' } }],
    ['another permission', { permissions: { contents: 'read', issues: 'read' } }],
    ['a level nobody knows', { permissions: { contents: 'maintain' } }],
    ['a level that is no text', { permissions: { contents: { read: true } } }],
    ['a permission named like a field of objects', { permissions: { constructor: 'read' } }],
    ['all repositories', { repository_selection: 'all' }],
    [
      'another repository',
      { repositories: [{ full_name: 'acme/app' }, { full_name: 'acme/lib' }] },
    ],
  ])('is revoked at once: %s', async (_, grant) => {
    github.grant = grant;
    const fault = await faultOf(mint());
    expect(fault.code).toBe('PROVIDER_SURPLUS');
    expect(fault.text).not.toContain('maintain');
    expect(github.live.size).toBe(0);
    expect(cloud.requests.at(-1)).toMatchObject({ method: 'DELETE', path: '/installation/token' });
  });

  it.each([
    ['no permissions', { permissions: undefined }],
    ['no repositories', { repositories: undefined }],
    ['a repository without a name', { repositories: [{ id: 1 }] }],
    ['no expiry', { expires_at: undefined }],
    ['an expiry that is no time', { expires_at: 'tomorrow' }],
    ['an expiry in the past', { expires_at: '2020-01-01T00:00:00Z' }],
    ['an expiry in a hundred years', { expires_at: '2126-01-01T00:00:00Z' }],
  ])('or that does not tell is revoked, too: %s', async (_, grant) => {
    github.grant = grant;
    expect((await faultOf(mint())).code).toMatch(/^PROVIDER_(ANSWER|EXPIRY)$/);
    expect(github.live.size).toBe(0);
  });

  it('is said to live on where it cannot be revoked, without showing it', async () => {
    github.grant = { permissions: { contents: 'admin' } };
    cloud.instead = ({ method }) => (method === 'DELETE' ? { status: 503 } : undefined);
    const error: unknown = await mint().catch((caught: unknown) => caught);
    const [token = ''] = github.live;
    expect(error).toMatchObject({ code: 'PROVIDER_UNREVOKED' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(token);
    if (!(error instanceof UnrevokedError)) throw error;
    expect(error.revocations()[0]?.headers['authorization']).toBe(`Bearer ${token}`);
  });
});

describe('a request to an App', () => {
  it.each([
    ['no permissions (CM-11)', { permissions: {} }],
    ['no repositories', { repositories: [] }],
    ['two owners', { repositories: ['acme/app', 'evil/app'] }],
    ['no owner', { repositories: ['app'] }],
    ['a path for a name', { repositories: ['acme/..'] }],
    ['a path behind a name', { repositories: ['acme/app/../lib'] }],
    ['a query in a name', { repositories: ['acme/app?x'] }],
    ['two places for the key', { key: { env: 'APP_KEY', file: '/key' } }],
    ['no place for the key', { key: {} }],
  ])('is refused before anyone is asked: %s', async (_, more) => {
    expect((await faultOf(mint(more))).code).toBe('PROVIDER_REQUEST');
    expect(cloud.requests).toEqual([]);
  });

  it('needs an RSA key, and does not show what it got', async () => {
    const environment = { APP_KEY: 'canary-of-a-key' };
    const fault = await faultOf(mint({}, { environment }));
    expect(fault.code).toBe('PROVIDER_SOURCE');
    expect(fault.text).not.toContain('canary');
    expect(cloud.requests).toEqual([]);
  });

  it('names the repository where the App is not installed', async () => {
    const fault = await faultOf(mint({ repositories: ['acme/other'] }));
    expect(fault).toMatchObject({ code: 'PROVIDER_REFUSED' });
    expect(fault.text).toContain('acme/other');
  });

  it('is refused where the App may not do what is asked', async () => {
    const fault = await faultOf(mint({ permissions: { administration: 'write' } }));
    expect(fault).toMatchObject({ code: 'PROVIDER_REFUSED' });
    expect(fault.text).toContain('422');
  });
});
