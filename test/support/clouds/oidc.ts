// GitHub Actions' issuer with real keys: its JWKS, and the endpoint at which a job asks for its tokens.

import { type KeyObject, generateKeyPairSync, randomUUID } from 'node:crypto';
import { type JWTPayload, SignJWT, exportJWK, jwtVerify } from 'jose';

import { type CloudAnswer, type CloudRequest, type Fake, bearerOf, refuse } from './cloud.ts';

export const ISSUER = 'https://token.actions.githubusercontent.com';
const REQUEST_HOST = 'pipelines.actions.example';

export interface Oidc extends Fake {
  /** of a job that may have tokens */
  environment: Record<string, string>;
  /** put into each token that is asked for, over the usual ones */
  claims: JWTPayload;
  /** header of each token */
  header: { alg: string; kid?: string };
  /** signs each token; the issuer's own unless changed */
  signer: KeyObject | Uint8Array;
  /** key id and keys of the JWKS, to be changed by a test */
  jwks: object[];
  /** audiences asked for, in order */
  asked: string[];
  sign(audience: string, more?: JWTPayload): Promise<string>;
  /** its claims; throws when it is none of ours, over, or for someone else */
  verify(token: string | undefined, audience: string): Promise<JWTPayload>;
}

let pair: { privateKey: KeyObject; publicKey: KeyObject } | undefined;

export async function createOidc(
  options: { issuer?: string; now?: () => number } = {},
): Promise<Oidc> {
  const { issuer = ISSUER, now = Date.now } = options;
  pair ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { privateKey, publicKey } = pair;
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  const requestToken = `request.${randomUUID()}`;

  const oidc: Oidc = {
    hosts: [new URL(issuer).host, REQUEST_HOST],
    environment: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `https://${REQUEST_HOST}/idtoken?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    },
    claims: {},
    header: { alg: 'RS256', kid: 'k1' },
    signer: privateKey,
    jwks: [jwk],
    asked: [],
    sign(audience, more = {}) {
      const seconds = Math.floor(now() / 1000);
      const claims = {
        iss: issuer,
        aud: audience,
        iat: seconds,
        nbf: seconds - 600,
        exp: seconds + 300,
        jti: randomUUID(),
        ...CLAIMS,
        ...oidc.claims,
        ...more,
      };
      const present = Object.entries(claims).filter(([, value]) => value !== undefined);
      return new SignJWT(Object.fromEntries(present))
        .setProtectedHeader(oidc.header)
        .sign(oidc.signer);
    },
    async verify(token, audience) {
      if (token === undefined) throw new Error('no token');
      const { payload } = await jwtVerify(token, publicKey, {
        issuer,
        audience,
        algorithms: ['RS256'],
        currentDate: new Date(now()),
      });
      return payload;
    },
    async answer(request: CloudRequest): Promise<CloudAnswer> {
      if (request.method !== 'GET') return refuse(405, 'GET only');
      if (request.host !== REQUEST_HOST)
        return request.path === `${new URL(issuer).pathname.replace(/\/$/, '')}/.well-known/jwks`
          ? { status: 200, body: { keys: oidc.jwks } }
          : refuse(404, 'no such document');
      if (bearerOf(request) !== requestToken) return refuse(401, 'wrong request token');
      if (request.path !== '/idtoken' || request.query.get('api-version') !== '2.0')
        return refuse(400, 'not the URL of the job');
      const audiences = request.query.getAll('audience');
      if (audiences.length !== 1 || audiences[0] === '') return refuse(400, 'one audience');
      oidc.asked.push(audiences[0] ?? '');
      return { status: 200, body: { count: 1, value: await oidc.sign(audiences[0] ?? '') } };
    },
  };
  return oidc;
}

/** As GitHub writes them: numbers are texts. */
const CLAIMS = {
  sub: 'repo:acme@1/app@2:ref:refs/heads/main',
  repository: 'acme/app',
  repository_id: '2',
  repository_owner: 'acme',
  repository_owner_id: '1',
  actor: 'octocat',
  actor_id: '583231',
  event_name: 'pull_request',
  ref: 'refs/pull/17/merge',
  sha: 'f'.repeat(40),
  run_id: '1658821493',
  run_attempt: '2',
  workflow_ref: 'acme/app/.github/workflows/ci.yml@refs/heads/main',
  runner_environment: 'github-hosted',
};
