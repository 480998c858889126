import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import { anthropic } from '../../src/provider/anthropic.ts';
import { npm } from '../../src/provider/npm.ts';
import { oauthExchange } from '../../src/provider/oauth-exchange.ts';
import { octoSts } from '../../src/provider/octo-sts.ts';
import { openai } from '../../src/provider/openai.ts';
import type { MintContext, Minted, Provider } from '../../src/provider/provider.ts';
import { revoke } from '../../src/provider/revoke.ts';
import { type Cloud, startCloud } from '../support/clouds/cloud.ts';
import { faultOf, mintContext } from '../support/clouds/context.ts';
import { type Github, createGithub } from '../support/clouds/github.ts';
import { createAnthropic, createOpenai } from '../support/clouds/models.ts';
import { type NpmRegistry, createNpmRegistry } from '../support/clouds/npm.ts';
import { type Oauth, createOauth } from '../support/clouds/oauth.ts';
import { createOctoSts } from '../support/clouds/octo-sts.ts';
import { type Oidc, createOidc } from '../support/clouds/oidc.ts';

let oidc: Oidc;
let github: Github;
let registry: NpmRegistry;
let oauth: Oauth;
let cloud: Cloud;
beforeEach(async () => {
  oidc = await createOidc();
  github = createGithub();
  registry = createNpmRegistry(oidc, { '@acme%2fapp': '2', plain: '2', taken: '9' });
  oauth = createOauth(oidc, 'https://login.example');
  cloud = await startCloud(
    oidc,
    github,
    registry,
    oauth,
    createOctoSts(oidc, github, ['acme/app agent', 'acme org']),
    createAnthropic(oidc, 'https://api.anthropic.com'),
    createOpenai(oidc, 'https://auth.openai.com'),
  );
});
afterEach(() => cloud.close());

function mint(
  provider: Provider,
  request: JsonObject,
  more: Partial<MintContext> = {},
): Promise<Minted> {
  return provider.mint(mintContext(cloud, oidc, request, more));
}

function tokenOf({ material }: Minted): string {
  if (material.kind !== 'token') throw new Error('no token');
  return material.token.reveal();
}

async function end(minted: Minted): Promise<void> {
  const all = [minted.revocation, ...(minted.alsoRevoke ?? [])].flatMap((one) => one ?? []);
  for (const one of all) expect(await revoke(one, cloud.http)).toBe('revoked');
}

describe('octo-sts', () => {
  it('exchanges for exactly the scope and identity that were asked (CM-16)', async () => {
    const minted = await mint(octoSts, { scope: 'acme/app', identity: 'agent' });
    expect(github.live).toEqual(new Set([tokenOf(minted)]));
    const asked = cloud.requests.find(({ host }) => host === 'octo-sts.dev');
    expect(Object.fromEntries(asked?.query ?? [])).toEqual({
      scope: 'acme/app',
      identity: 'agent',
    });
    expect(oidc.asked).toEqual(['octo-sts.dev']);
    expect(minted.correlation?.['tokenSha256']).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(minted.notAfter).toBeGreaterThan(Date.now() + 3_500_000);
    await end(minted);
    expect(github.live.size).toBe(0);
  });

  it('may be for an owner', async () => {
    const minted = await mint(octoSts, { scope: 'acme', identity: 'org' }, { ttl: 60_000 });
    expect(minted.granted).toEqual({ scope: 'acme', identity: 'org' });
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('has nothing in place of a trust policy that is not there (CM-17)', async () => {
    const environment = { ...oidc.environment, GITHUB_TOKEN: 'ghs_canary_of_the_job' };
    const fault = await faultOf(
      mint(octoSts, { scope: 'acme/app', identity: 'other' }, { environment }),
    );
    expect(fault.code).toBe('PROVIDER_REFUSED');
    expect(fault.text).toContain('no trust policy');
    expect(cloud.requests.some(({ headers }) => headers['authorization']?.includes('canary'))).toBe(
      false,
    );
  });

  it('is refused a token of another audience (CM-07)', async () => {
    const wrong = mintContext(cloud, oidc, { scope: 'acme/app', identity: 'agent' });
    const other = wrong.idToken;
    const fault = await faultOf(
      octoSts.mint({ ...wrong, idToken: () => other('sts.amazonaws.com') }),
    );
    expect(fault.code).toBe('PROVIDER_REFUSED');
    expect(fault.text).toContain('401');
  });
});

describe('npm', () => {
  const own = 'https://registry.example.com';

  it('exchanges for a token of one package, and logs out with it', async () => {
    const minted = await mint(npm, { package: '@acme/app', registry: `${own}/` });
    expect(oidc.asked).toEqual(['npm:registry.example.com']);
    expect(registry.live).toEqual(new Set([tokenOf(minted)]));
    expect(minted.notAfter).toBeGreaterThan(Date.now() + 3_500_000);
    await end(minted);
    expect(registry.live.size).toBe(0);
    await end(minted);
  });

  it.each([
    ['by a variable', { npm_config_registry: own }, ''],
    ['by a file', {}, `registry=${own}/\n`],
    [
      'by its scope',
      { npm_config_registry: 'https://other.example' },
      `@acme:registry = "${own}"\n`,
    ],
  ])('publishes where the host does: %s', async (_, variables, file) => {
    const home = mkdtempSync(join(tmpdir(), 'npm-'));
    writeFileSync(join(home, '.npmrc'), file);
    const environment = { ...oidc.environment, ...variables, NPM_CONFIG_GLOBALCONFIG: '/nowhere' };
    await mint(npm, { package: '@acme/app' }, { environment, home });
    expect(registry.live.size).toBe(1);
    rmSync(home, { recursive: true });
  });

  it('asks npm itself where nothing is configured', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'npm-'));
    const script = `#!/bin/sh\n[ "$*" = "config get registry" ] && echo ${own}/\n`;
    writeFileSync(join(folder, 'npm'), script, { mode: 0o755 });
    const environment = { ...oidc.environment, PATH: folder, NPM_CONFIG_GLOBALCONFIG: '/nowhere' };
    await mint(npm, { package: 'plain' }, { environment });
    expect(registry.live.size).toBe(1);
    rmSync(folder, { recursive: true });
  });

  it('fails loudly where the run is no trusted publisher', async () => {
    const fault = await faultOf(mint(npm, { package: 'taken', registry: own }));
    expect(fault.code).toBe('PROVIDER_REFUSED');
    expect(fault.text).toContain('no trusted publisher');
  });

  it.each(['', '../x', '@acme/app/x', '@acme', 'a?b', 'x'.repeat(215), '.hidden'])(
    'asks for nothing that is no package: %s',
    async (name) => {
      const fault = await faultOf(mint(npm, { package: name, registry: own }));
      expect(fault.code).toBe('PROVIDER_REQUEST');
      expect(cloud.requests).toEqual([]);
    },
  );
});

describe('oauth-exchange', () => {
  const REQUEST = {
    url: 'https://login.example/token',
    grant: 'token-exchange',
    audience: 'https://login.example',
    target: 'https://files.example',
    scopes: ['read'],
    client: 'agent',
    revoke: 'https://login.example/revoke',
  };

  it.each(['token-exchange', 'jwt-bearer'])('exchanges by %s, and ends it', async (grant) => {
    const minted = await mint(oauthExchange, { ...REQUEST, grant });
    expect(minted.granted).toEqual({ scopes: ['read'] });
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 900_000); // CM-22
    expect(minted.notAfter).toBeGreaterThan(Date.now() + 800_000);
    expect(oauth.live.size).toBe(1);
    await end(minted);
    expect(oauth.live.size).toBe(0);
  });

  it('takes less than it asked for, and says so', async () => {
    oauth.grant = { scope: 'read' };
    const minted = await mint(oauthExchange, { ...REQUEST, scopes: ['read', 'write'] });
    expect(minted.requested).toEqual({ scopes: ['read', 'write'] });
    expect(minted.granted).toEqual({ scopes: ['read'] });
  });

  it('takes a scope that is not told for the one it asked for (RFC 6749 §5.1)', async () => {
    oauth.grant = { scope: undefined, expires_in: undefined };
    const minted = await mint(oauthExchange, REQUEST);
    expect(minted.granted).toEqual({ scopes: ['read'] });
    expect(minted.notAfter).toBeUndefined();
  });

  it.each([
    ['more', { scope: 'read write' }, 'PROVIDER_SURPLUS'],
    ['something else', { scope: 'admin' }, 'PROVIDER_SURPLUS'],
    ['nothing', { scope: '' }, 'PROVIDER_ANSWER'],
    ['a list', { scope: ['read'] }, 'PROVIDER_ANSWER'],
    [
      'an ID token',
      { issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
      'PROVIDER_ANSWER',
    ],
    ['what is over', { expires_in: 0 }, 'PROVIDER_EXPIRY'],
    ['no number', { expires_in: 'soon' }, 'PROVIDER_ANSWER'],
  ])('ends at once what grants %s', async (_, grant, code) => {
    oauth.grant = grant;
    expect((await faultOf(mint(oauthExchange, REQUEST))).code).toBe(code);
    expect(oauth.live.size).toBe(0);
  });

  it('ends the refresh token that nobody asked for, too', async () => {
    oauth.live.add('refresh-token-1');
    oauth.grant = { refresh_token: 'refresh-token-1' };
    await end(await mint(oauthExchange, REQUEST));
    expect(oauth.live.size).toBe(0);
  });

  it.each([
    ['no scope', { scopes: [] }],
    ['two scopes in one', { scopes: ['read write'] }],
    ['another grant', { grant: 'password' }],
  ])('asks for nothing with %s', async (_, more) => {
    const fault = await faultOf(mint(oauthExchange, { ...REQUEST, ...more }));
    expect(fault.code).toBe('PROVIDER_REQUEST');
    expect(cloud.requests.some(({ host }) => host === 'login.example')).toBe(false);
  });

  it('uses no token of another type as a bearer', async () => {
    oauth.grant = { token_type: 'DPoP' };
    expect((await faultOf(mint(oauthExchange, REQUEST))).code).toBe('PROVIDER_ANSWER');
  });
});

describe('the model vendors', () => {
  it('exchange for a token of a service account: Anthropic', async () => {
    const request = {
      rule: 'fdrl_1',
      organization: 'org-1',
      'service-account': 'svac_1',
      workspace: 'wrkspc_1',
    };
    const minted = await mint(anthropic, request);
    expect(tokenOf(minted)).toMatch(/^sk-ant-oat01-/);
    expect(minted.granted).toEqual({ 'service-account': 'svac_1', workspace: 'wrkspc_1' });
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 600_000);
    expect((await mint(anthropic, request, { ttl: 60_000 })).notAfter).toBeLessThanOrEqual(
      Date.now() + 60_000,
    );
  });

  it('exchange for a token of a service account: OpenAI', async () => {
    const request = { 'identity-provider': 'idp_1', 'service-account': 'sa_1' };
    const minted = await mint(openai, request);
    expect(tokenOf(minted)).toMatch(/^oai\./);
    expect(minted.notAfter).toBeLessThanOrEqual(Date.now() + 3_600_000);
    expect(minted.notAfter).toBeGreaterThan(Date.now() + 3_500_000);
  });
});

describe('without a workload identity', () => {
  it('nothing is exchanged (CM-08)', async () => {
    const environment = { ACTIONS_ID_TOKEN_REQUEST_URL: undefined };
    const requests: [Provider, JsonObject][] = [
      [octoSts, { scope: 'acme/app', identity: 'agent' }],
      [npm, { package: 'plain', registry: 'https://registry.example.com' }],
      [openai, { 'identity-provider': 'idp_1', 'service-account': 'sa_1' }],
    ];
    for (const [provider, request] of requests)
      expect((await faultOf(mint(provider, request, { environment }))).code).toBe(
        'IDENTITY_NO_OIDC',
      );
    expect(cloud.requests).toEqual([]);
  });
});

describe('a session that ends while a credential is being minted', () => {
  it('still hears of it, so that it can be revoked', async () => {
    const over = new AbortController();
    cloud.instead = ({ host }) => {
      if (host === 'octo-sts.dev') over.abort();
      return undefined;
    };
    const minted = await mint(
      octoSts,
      { scope: 'acme/app', identity: 'agent' },
      { signal: over.signal },
    );
    await end(minted);
    expect(github.live.size).toBe(0);
  });

  it('mints no more afterwards', async () => {
    const signal = AbortSignal.abort();
    await faultOf(mint(octoSts, { scope: 'acme/app', identity: 'agent' }, { signal }));
    expect(cloud.requests.some(({ host }) => host === 'octo-sts.dev')).toBe(false);
  });
});
