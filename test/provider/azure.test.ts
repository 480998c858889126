import { afterEach, describe, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import { azure } from '../../src/provider/azure.ts';
import type { MintContext } from '../../src/provider/provider.ts';
import { PROVIDER_REQUESTS } from '../../src/policy/provider-request.ts';
import { startEntra } from '../support/clouds/entra.ts';
import type { EntraOptions } from '../support/clouds/entra.ts';
import { faultOf } from '../support/clouds/fault.ts';
import { listen } from '../support/clouds/listen.ts';
import type { Cloud } from '../support/clouds/listen.ts';
import { mintContext } from '../support/clouds/workload.ts';

const tenant = '11111111-2222-3333-4444-555555555555';
const client = '66666666-7777-8888-9999-000000000000';
const scope = 'https://vault.azure.net/.default';
const token = 'eyJ0.canary-77aa.x';

const clouds: Cloud[] = [];
afterEach(async () => {
  for (const cloud of clouds.splice(0)) await cloud.close();
});

async function start(options: Partial<EntraOptions> = {}): Promise<Cloud> {
  const cloud = await startEntra({ tenant, client, token, ...options });
  clouds.push(cloud);
  return cloud;
}

function mint(cloud: Cloud, request: JsonObject = {}, change: Partial<MintContext> = {}) {
  return azure.mint(
    mintContext({ tenant, client, scope, authority: cloud.url, ...request }, change),
  );
}

describe('a token of Azure', () => {
  it('is for one resource, and ends when the answer or the policy says', async () => {
    const cloud = await start();
    const minted = await mint(cloud);
    expect(minted.material.kind === 'token' && minted.material.token.reveal()).toBe(token);
    expect(minted.granted).toEqual({ tenant, client, scope });
    expect(minted.notAfter).toBeGreaterThan(Date.now() + 3_590_000);
    expect((await mint(cloud, {}, { ttl: 60_000 })).notAfter).toBeLessThanOrEqual(
      Date.now() + 60_000,
    );
    expect(JSON.stringify(minted)).not.toContain('canary');
    expect(cloud.requests[0]?.target).toBe(`/${tenant}/oauth2/v2.0/token`);
  });

  it('is for `RESOURCE/.default` alone (CM-28)', async () => {
    const cloud = await start();
    const { pattern } = PROVIDER_REQUESTS.azure.properties?.['scope'] as { pattern: string };
    for (const odd of [
      'a b',
      'https://vault.azure.net',
      `${scope} https://x/.default`,
      '/.defaul',
    ]) {
      expect(new RegExp(pattern, 'u').test(odd), odd).toBe(false);
      const error = await faultOf(mint(cloud, { scope: odd }), 'canary');
      expect(error).toMatchObject({ kind: 'policy', code: 'PROVIDER_AZURE_SCOPE' });
    }
    await faultOf(mint(cloud, { tenant: 'a/b' }), 'canary');
    expect(cloud.requests).toEqual([]);
  });

  it('is refused with no more than the status and a known name (CM-31)', async () => {
    const cloud = await start({ client: 'another' });
    const error = await faultOf(mint(cloud), 'canary');
    expect(error.message).toBe(
      'Microsoft Entra: expected status 200, got 400 (unauthorized_client)',
    );
    const odd = await listen(() => ({ status: 503, body: '{"error":"canary"}' }));
    clouds.push(odd);
    const { message } = await faultOf(mint(odd), 'canary');
    expect(message).toBe('Microsoft Entra: expected status 200, got 503');
  });

  it('is not asked for anywhere else (CM-32)', async () => {
    const second = await start();
    const headers = { location: `${second.url}/${tenant}/oauth2/v2.0/token` };
    const first = await listen(() => ({ status: 307, headers }));
    clouds.push(first);
    await faultOf(mint(first), 'canary');
    expect(second.requests).toEqual([]);
  });

  it('is let go of where the answer is for something else, or not whole', async () => {
    for (const [more, code] of [
      [{ scope: 'https://graph.microsoft.com/.default' }, 'PROVIDER_SURPLUS'],
      [{ token_type: 'pop' }, 'PROVIDER_ANSWER'],
      [{ expires_in: 'soon' }, 'PROVIDER_ANSWER'],
      [{ access_token: 'a\nb' }, 'PROVIDER_ANSWER'],
      [{ access_token: null }, 'PROVIDER_ANSWER'],
    ] as const)
      expect((await faultOf(mint(await start({ more })), 'canary')).code).toBe(code);
    const digits = await start({ more: { expires_in: '3599', scope } });
    expect((await mint(digits)).granted).toEqual({ tenant, client, scope });
  });
});
