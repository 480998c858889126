import { afterEach, describe, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import { UnrevokedError } from '../../src/provider/fault.ts';
import { vault } from '../../src/provider/vault.ts';
import type { MintContext, Minted, Revocation } from '../../src/provider/provider.ts';
import { faultOf } from '../support/clouds/fault.ts';
import { bodyOf, listen } from '../support/clouds/listen.ts';
import type { Cloud, CloudRequest } from '../support/clouds/listen.ts';
import { startVault } from '../support/clouds/vault.ts';
import type { Vault, VaultOptions } from '../support/clouds/vault.ts';
import { http, mintContext } from '../support/clouds/workload.ts';

const canary = 'canary-41bc';
const audience = 'https://vault.example.com';
const role = 'agent';

const clouds: Cloud[] = [];
afterEach(async () => {
  for (const cloud of clouds.splice(0)) await cloud.close();
});

async function start(options: Partial<VaultOptions> = {}): Promise<Vault> {
  const policies = ['a', 'b', 'default'];
  const cloud = await startVault({ mount: 'jwt', role, audience, policies, canary, ...options });
  clouds.push(cloud);
  return cloud;
}

function mint(
  cloud: Cloud,
  request: JsonObject = {},
  change: Partial<MintContext> = {},
): Promise<Minted> {
  const all = { url: cloud.url, role, audience, policies: ['a'], ...request };
  return vault.mint(mintContext(all, change));
}

function valueOf({ material }: Minted): string {
  if (material.kind !== 'token') throw new Error(material.kind);
  return material.token.reveal();
}

async function send({ method, url, headers, done }: Revocation): Promise<boolean> {
  return done.includes((await http({ method, url, headers })).status);
}

describe('a token of Vault', () => {
  it('is a child with its policies, uses and life, under a login that stays here (CM-29)', async () => {
    const cloud = await start();
    const minted = await mint(cloud, { uses: 5 }, { ttl: 600_000 });
    expect(minted.granted).toEqual({ policies: ['a'], uses: 5 });
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 600_000);
    expect(minted.correlation).toEqual({ accessor: 'accessor-2' });
    const created = cloud.requests.find(({ target }) => target.endsWith('/token/create'));
    expect(bodyOf(created as CloudRequest)).toMatchObject({
      ...{ policies: ['a'], no_default_policy: true, num_uses: 5, renewable: false },
      ...{ ttl: '600s', explicit_max_ttl: '600s' },
    });
    expect(cloud.alive.get(valueOf(minted))?.policies).toEqual(['a']);
    expect(cloud.alive.size).toBe(2);
    const { material, kind, requested, granted } = minted;
    expect(JSON.stringify({ material, kind, requested, granted })).not.toContain(canary);
  });

  it('ends with its revocations, once and again', async () => {
    const cloud = await start();
    const minted = await mint(cloud);
    const all = [minted.revocation, ...(minted.alsoRevoke ?? [])];
    expect(all.map((one) => one?.headers['x-vault-token'])).toEqual([
      `hvs.${canary}2`,
      `hvs.${canary}1`,
    ]);
    for (let time = 0; time < 2; time++) {
      for (const one of all) expect(one && (await send(one))).toBe(true);
      expect([...cloud.alive]).toEqual([]);
    }
  });

  it('ends with its login at the latest', async () => {
    const cloud = await start({ lease: 60 });
    expect((await mint(cloud)).notAfter).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it.each([
    ['policies of the identity', { identityPolicies: ['admin'] }, 'PROVIDER_SURPLUS'],
    ['other policies', { child: { policies: ['a', 'b'] } }, 'PROVIDER_SURPLUS'],
    ['a longer life', { child: { lease_duration: 3600 } }, 'PROVIDER_SURPLUS'],
    ['other uses', { child: { num_uses: 0 } }, 'PROVIDER_SURPLUS'],
    ['no parent', { child: { orphan: true } }, 'PROVIDER_IRREVOCABLE'],
    ['no accessor', { child: { accessor: null } }, 'PROVIDER_ANSWER'],
    ['no end', { child: { lease_duration: 0 } }, 'PROVIDER_ANSWER'],
  ] as const)('with %s is revoked at once, and so is its login', async (_, options, code) => {
    const cloud = await start(options as Partial<VaultOptions>);
    const error = await faultOf(mint(cloud, { uses: 5 }), canary);
    expect(error.code).toBe(code);
    expect([...cloud.alive]).toEqual([]);
  });

  it('is not made where nothing could end it', async () => {
    const cloud = await start({ policies: ['a', 'b'] });
    const error = await faultOf(mint(cloud), canary);
    expect(error.code).toBe('PROVIDER_UNREVOKED');
    expect(error.message).toContain('may not revoke itself');
    expect(cloud.requests.map(({ target }) => target)).not.toContain('/v1/auth/token/create');
  });

  it('says so where what was granted could not be revoked', async () => {
    const real = await start({ child: { orphan: true } });
    const cloud = await listen(async ({ method, target, headers, body }) => {
      if (target.endsWith('/revoke-self')) return { status: 500, body: canary };
      const answer = await fetch(`${real.url}${target}`, {
        method,
        headers: {
          'content-type': 'application/json',
          'x-vault-token': String(headers['x-vault-token'] ?? ''),
        },
        body: new Uint8Array(body),
      });
      return { status: answer.status, body: await answer.text() };
    });
    clouds.push(cloud);
    const error = await faultOf(mint(cloud), canary);
    expect(error.code).toBe('PROVIDER_UNREVOKED');
    expect(error.message).toContain('orphan');
    const left = error instanceof UnrevokedError ? error.revocations() : [];
    expect(left.map(({ headers }) => headers['x-vault-token'])).toEqual([
      `hvs.${canary}2`,
      `hvs.${canary}1`,
    ]);
  });

  it('is refused with the status alone (CM-31), its login revoked', async () => {
    const cloud = await start();
    const error = await faultOf(mint(cloud, { policies: ['c'] }), canary);
    expect(error.message).toBe('Vault: expected status 200, got 400');
    expect([...cloud.alive]).toEqual([]);
    expect((await faultOf(mint(cloud, { role: 'other' }), canary)).message).toContain('got 400');
  });

  it('is not asked for with what has another meaning to the server', async () => {
    const cloud = await start();
    for (const request of [
      { mount: '../sys' },
      { mount: 'a/./b' },
      { mount: 'a?b' },
      { policies: [] },
      { policies: ['Root'] },
    ] as JsonObject[])
      expect((await faultOf(mint(cloud, request), canary)).kind).toBe('policy');
    expect(cloud.requests).toEqual([]);
  });

  it('is not asked for anywhere else (CM-32)', async () => {
    const second = await start();
    const headers = { location: `${second.url}/v1/auth/jwt/login` };
    const first = await listen(() => ({ status: 307, headers }));
    clouds.push(first);
    await faultOf(mint(first), canary);
    expect(second.requests).toEqual([]);
  });
});
