import { afterEach, describe, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import { gcp } from '../../src/provider/gcp.ts';
import type { MintContext, Minted } from '../../src/provider/provider.ts';
import { faultOf } from '../support/clouds/fault.ts';
import { startGoogle } from '../support/clouds/google.ts';
import type { GoogleOptions } from '../support/clouds/google.ts';
import { formOf, listen } from '../support/clouds/listen.ts';
import type { Cloud, CloudRequest } from '../support/clouds/listen.ts';
import { mintContext } from '../support/clouds/workload.ts';

const provider = 'projects/123/locations/global/workloadIdentityPools/ci/providers/github';
const account = 'agent@acme.iam.gserviceaccount.com';
const token = 'ya29.canary-8d1f';
const PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const READ = 'https://www.googleapis.com/auth/devstorage.read_only';
const BIGQUERY = 'https://www.googleapis.com/auth/bigquery';
const buckets = [{ bucket: 'acme-data', permissions: ['inRole:roles/storage.objectViewer'] }];

const clouds: Cloud[] = [];
afterEach(async () => {
  for (const cloud of clouds.splice(0)) await cloud.close();
});

async function start(options: Partial<GoogleOptions> = {}): Promise<Cloud> {
  const cloud = await startGoogle({ provider, account, token, ...options });
  clouds.push(cloud);
  return cloud;
}

function mint(cloud: Cloud, request: JsonObject, change: Partial<MintContext> = {}) {
  const all = { provider, scopes: [PLATFORM], sts: cloud.url, iam: cloud.url, ...request };
  return gcp.mint(mintContext(all, change));
}

function valueOf({ material }: Minted): string {
  if (material.kind !== 'token') throw new Error(material.kind);
  return material.token.reveal();
}

const targets = (cloud: Cloud): string[] => cloud.requests.map(({ target }) => target);

describe('a token of Google', () => {
  it('is the federated one where no account is named', async () => {
    const cloud = await start();
    const minted = await mint(cloud, { scopes: [READ] });
    expect(valueOf(minted)).toBe(token);
    expect(minted.granted).toEqual({ scopes: [READ] });
    expect(minted.notAfter).toBeGreaterThan(Date.now() + 3_590_000);
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 3_599_000);
    expect(formOf(cloud.requests[0] as CloudRequest)?.['scope']).toBe(READ);
    expect(targets(cloud)).toEqual(['/v1/token']);
    expect(JSON.stringify(minted)).not.toContain('canary');
  });

  it('is that of the account, for the scopes and the time that were asked for', async () => {
    const cloud = await start();
    const minted = await mint(
      cloud,
      { 'service-account': account, scopes: [READ] },
      { ttl: 600_000 },
    );
    expect(valueOf(minted)).toBe(`${token}.account`);
    expect(minted.granted).toEqual({ scopes: [READ], serviceAccount: account });
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 600_000);
    expect(JSON.parse(String(cloud.requests[1]?.body))).toEqual({
      scope: [READ],
      lifetime: '600s',
    });
    expect(formOf(cloud.requests[0] as CloudRequest)?.['scope']).toBe(PLATFORM);
  });

  it('reaches only its buckets (CM-26)', async () => {
    for (const isBoundedSilent of [false, true]) {
      const cloud = await start({ isBoundedSilent });
      const minted = await mint(cloud, { 'service-account': account, buckets });
      expect(valueOf(minted)).toBe(`${token}.account.bounded`);
      expect(minted.granted).toEqual({ scopes: [PLATFORM], serviceAccount: account, buckets });
      const { options } = formOf(cloud.requests[2] as CloudRequest) ?? {};
      expect(JSON.parse(options ?? '')).toEqual({
        accessBoundary: {
          accessBoundaryRules: [
            {
              availableResource: '//storage.googleapis.com/projects/_/buckets/acme-data',
              availablePermissions: ['inRole:roles/storage.objectViewer'],
            },
          ],
        },
      });
      const life = isBoundedSilent ? 900_000 : 600_000;
      expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + life);
      expect(minted.notAfter).toBeGreaterThan(Date.now() + life - 10_000);
    }
  });

  it('is not asked for where buckets are to bound what they cannot (CM-26)', async () => {
    const cloud = await start();
    const error = await faultOf(mint(cloud, { buckets, scopes: [READ, BIGQUERY] }), 'canary');
    expect(error).toMatchObject({ kind: 'policy', code: 'PROVIDER_GCP_BUCKETS' });
    expect(error.message).toContain(BIGQUERY);
    expect(cloud.requests).toEqual([]);
  });

  it('is not asked for with what has another meaning to Google', async () => {
    const cloud = await start();
    const permissions = ['inRole:roles/storage.objectViewer'];
    for (const request of [
      { provider: `${provider}/../x` },
      { 'service-account': 'a@b.gserviceaccount.com:signJwt?x=' },
      { scopes: [] },
      { scopes: [`${READ} ${BIGQUERY}`] },
      { buckets: [] },
      { buckets: [{ bucket: 'a/../b', permissions }] },
      { buckets: [{ bucket: 'acme-data', permissions: [] }] },
      { buckets: [{ bucket: 'acme-data', permissions: ['storage.objects.get'] }] },
      { buckets: Array.from({ length: 11 }, (_, i) => ({ bucket: `bucket-${i}`, permissions })) },
    ] as JsonObject[])
      expect((await faultOf(mint(cloud, request), 'canary')).kind).toBe('policy');
    expect(cloud.requests).toEqual([]);
  });

  it('is let go of where it has other scopes', async () => {
    const cloud = await start({ scope: `${READ} ${BIGQUERY}` });
    const error = await faultOf(mint(cloud, { scopes: [READ] }), 'canary');
    expect(error.code).toBe('PROVIDER_SURPLUS');
    const narrower = await start({ scope: READ });
    expect(valueOf(await mint(narrower, { scopes: [READ, BIGQUERY] }))).toBe(token);
  });

  it('is refused with no more than the status and a known name (CM-31)', async () => {
    const cloud = await start({ provider: `${provider}x` });
    const first = await faultOf(mint(cloud, {}), 'canary');
    expect(first.message).toBe('Google STS: expected status 200, got 400 (invalid_target)');
    const other = await start({ account: 'other@acme.iam.gserviceaccount.com' });
    const second = await faultOf(mint(other, { 'service-account': account }), 'canary');
    expect(second.message).toBe(
      'Google IAM credentials: expected status 200, got 403 (PERMISSION_DENIED)',
    );
    for (const body of ['canary', '{"error":"canary"}', '{"error":{"status":"canary"}}']) {
      const odd = await listen(() => ({ status: 400, body }));
      clouds.push(odd);
      const { message } = await faultOf(mint(odd, {}), 'canary');
      expect(message).toBe('Google STS: expected status 200, got 400');
    }
  });

  it('is not asked for anywhere else (CM-32)', async () => {
    const second = await start();
    const headers = { location: `${second.url}/v1/token` };
    const first = await listen(() => ({ status: 307, headers }));
    clouds.push(first);
    await faultOf(mint(first, {}), 'canary');
    expect(second.requests).toEqual([]);
  });

  it('is refused where the answer does not say when it ends', async () => {
    for (const answer of [
      { access_token: token },
      { access_token: token, expires_in: -1 },
      { access_token: 'a b', expires_in: 60 },
      { expires_in: 60 },
      { access_token: token, expires_in: 60, issued_token_type: 'urn:x' },
      [],
    ]) {
      const odd = await listen(() => ({ status: 200, body: JSON.stringify(answer) }));
      clouds.push(odd);
      expect((await faultOf(mint(odd, {}), 'canary')).code).toBe('PROVIDER_ANSWER');
    }
  });
});
