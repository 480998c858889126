// What every provider does with a vendor that answers anything at all.

import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { PROVIDERS } from '../../src/provider/registry.ts';
import { type Cloud, type CloudAnswer, startCloud } from '../support/clouds/cloud.ts';
import { faultOf, mintContext } from '../support/clouds/context.ts';
import { type Github, createGithub } from '../support/clouds/github.ts';
import { createAnthropic, createOpenai } from '../support/clouds/models.ts';
import { createNpmRegistry } from '../support/clouds/npm.ts';
import { createOauth } from '../support/clouds/oauth.ts';
import { createOctoSts } from '../support/clouds/octo-sts.ts';
import { type Oidc, createOidc } from '../support/clouds/oidc.ts';
import { type Random, createRandom } from '../support/random.ts';

const CANARY = 'canary-8f3a61';
const CASES: [Provider, JsonObject, host: string][] = [
  [
    PROVIDERS['github-app'],
    {
      app: 'Iv23liExample',
      key: { env: 'APP_KEY' },
      repositories: ['acme/app'],
      permissions: { contents: 'read' },
    },
    'api.github.com',
  ],
  [PROVIDERS['octo-sts'], { scope: 'acme/app', identity: 'agent' }, 'octo-sts.dev'],
  [
    PROVIDERS.npm,
    { package: 'plain', registry: 'https://registry.example.com' },
    'registry.example.com',
  ],
  [
    PROVIDERS['oauth-exchange'],
    {
      url: 'https://login.example/token',
      grant: 'token-exchange',
      audience: 'https://login.example',
      target: 'https://files.example',
      scopes: ['read'],
      client: 'agent',
    },
    'login.example',
  ],
  [
    PROVIDERS.anthropic,
    { rule: 'fdrl_1', organization: 'org-1', 'service-account': 'svac_1', workspace: 'wrkspc_1' },
    'api.anthropic.com',
  ],
  [
    PROVIDERS.openai,
    { 'identity-provider': 'idp_1', 'service-account': 'sa_1' },
    'auth.openai.com',
  ],
];

let oidc: Oidc;
let github: Github;
let cloud: Cloud;
beforeAll(async () => {
  oidc = await createOidc();
  github = createGithub();
  cloud = await startCloud(
    oidc,
    github,
    createNpmRegistry(oidc, { plain: '2' }),
    createOauth(oidc, 'https://login.example'),
    createOctoSts(oidc, github, ['acme/app agent']),
    createAnthropic(oidc, 'https://api.anthropic.com'),
    createOpenai(oidc, 'https://auth.openai.com'),
  );
});
afterAll(() => cloud.close());

function mint(provider: Provider, request: JsonObject): Promise<unknown> {
  const environment = { ...oidc.environment, APP_KEY: github.key };
  return provider.mint(mintContext(cloud, oidc, request, { environment }));
}

/** Every request to `host` but the first `skip` ones is answered so. */
function answerAt(host: string, skip: number, answer: () => CloudAnswer): void {
  let left = skip;
  cloud.instead = (request) => (request.host !== host || left-- > 0 ? undefined : answer());
}

describe.each(CASES.map((entry) => [entry[0].name, ...entry] as const))(
  '%s',
  (_, provider, request, host) => {
    const steps = provider.name === 'github-app' ? [0, 1] : [0];

    it('mints where nothing is wrong', async () => {
      cloud.instead = undefined;
      expect(await mint(provider, request)).toMatchObject({ material: { kind: 'token' } });
    });

    it.each([400, 401, 403, 404, 422, 429, 500, 503])(
      'tells the status of a refusal and nothing else of it (CM-31): %i',
      async (status) => {
        for (const step of steps) {
          answerAt(host, step, () => ({ status, headers: { 'x-why': CANARY }, body: CANARY }));
          const fault = await faultOf(mint(provider, request));
          expect(fault.code).toBe('PROVIDER_REFUSED');
          expect(fault.text).toContain(String(status));
          expect(fault.text).not.toContain(CANARY);
        }
      },
    );

    it.each([301, 302, 307, 308])('goes nowhere else (CM-32): %i', async (status) => {
      for (const step of steps) {
        cloud.dialled.length = 0;
        answerAt(host, step, () => ({
          status,
          headers: { location: `https://elsewhere.example/${CANARY}` },
        }));
        const fault = await faultOf(mint(provider, request));
        expect(fault.code).toBe('PROVIDER_UNREACHABLE');
        expect(fault.text).not.toContain(CANARY);
        expect(cloud.dialled.join()).not.toContain('elsewhere');
      }
    });

    it.each([
      ['no JSON', CANARY],
      ['no object', [CANARY]],
      ['null', 'null'],
      ['nothing', ''],
      ['a deep list', '['.repeat(200_000)],
      ['a token that is no text', { token: { a: CANARY }, access_token: [CANARY] }],
      ['a token with a line break', twice(`${CANARY}\r\nx-evil: yes`)],
      ['a token with a blank', twice(` ${CANARY}`)],
      ['a token with letters of elsewhere', twice(`${CANARY}é`)],
      ['a token that is short', twice('x')],
      ['a token without an end', twice(CANARY + 'x'.repeat(70_000))],
      ['a token of its prototype', { __proto__: null, constructor: CANARY }],
    ])('takes nothing from an answer that is none: %s', async (_name, body) => {
      for (const step of steps) {
        answerAt(host, step, () => ({
          status: provider.name === 'github-app' && step === 1 ? 201 : 200,
          body,
        }));
        const fault = await faultOf(mint(provider, request));
        expect(fault.code).toMatch(/^PROVIDER_(ANSWER|UNREACHABLE)$/);
        expect(fault.text).not.toContain(CANARY);
      }
    });

    it('takes no answer without an end', async () => {
      answerAt(host, steps.length - 1, () => ({ status: 201, body: CANARY.repeat(200_000) }));
      const fault = await faultOf(mint(provider, request));
      expect(fault.code).toBe('PROVIDER_UNREACHABLE');
      expect(fault.text).not.toContain(CANARY);
    });

    it('ends in an error of its own, or in a whole credential, whatever comes', async () => {
      const random = createRandom(provider.name);
      for (let round = 0; round < 60; round++) {
        let sent = '';
        answerAt(host, random.below(steps.length), () => {
          sent = randomAnswer(random);
          return { status: random.pick([200, 200, 201, 201, 204, 400]), body: sent };
        });
        const outcome = await mint(provider, request).then(
          (minted) => minted as Record<string, unknown>,
          (error: unknown) => {
            expect(error, sent).toMatchObject({ name: 'SandboxError' });
            const { code } = error as { code: string };
            expect(code, sent).toMatch(/^PROVIDER_/);
            expect(inspect(error, { depth: 9, showHidden: true }), sent).not.toContain(CANARY);
            return undefined;
          },
        );
        if (outcome === undefined) continue;
        expect(outcome, sent).toMatchObject({ material: { kind: 'token' } });
        expect(inspect(outcome['granted'])).not.toContain(CANARY);
      }
    }, 60_000);
  },
);

function twice(token: string): JsonObject {
  return { token, access_token: token, expires_in: 60, expires_at: '2099-01-01T00:00:00Z' };
}

const FIELDS = [
  'token',
  'access_token',
  'expires_in',
  'expires_at',
  'expires',
  'scope',
  'token_type',
  'permissions',
  'repositories',
  'repository_selection',
  'id',
  'issued_token_type',
  '__proto__',
] as const;

function randomAnswer(random: Random): string {
  const value = (depth: number): unknown =>
    random.pick<() => unknown>([
      () => CANARY,
      () => `${CANARY}-${random.below(1e9)}`,
      () => random.below(1e12) - 5e11,
      () => null,
      () => true,
      () => 1e308 * 10,
      () => '2026-13-45T99:99:99Z',
      () => new Date(Date.now() + random.below(1e8)).toISOString(),
      () => 'Bearer',
      () => 'read',
      () => 'selected',
      () => (depth > 3 ? [] : [value(depth + 1)]),
      () =>
        depth > 3 ? {} : { full_name: value(depth + 1), [random.pick(FIELDS)]: value(depth + 1) },
      () => ({ contents: random.pick(['read', 'write', 'x']) }),
      () => [{ full_name: random.pick(['acme/app', 'acme/lib', CANARY]) }],
    ])();
  const entries = FIELDS.filter(() => random.chance(0.7)).map((name) => [name, value(0)] as const);
  const text = JSON.stringify(Object.fromEntries(entries));
  return random.chance(0.2) ? text.slice(0, random.below(text.length)) : text;
}
