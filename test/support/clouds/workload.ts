// Tokens of a workload, really signed, and a check of them as a cloud makes it; with the rest of what a provider is given.
import { generateKeyPairSync, sign, verify } from 'node:crypto';

import type { JsonObject } from '../../../src/model/credential.ts';
import { SandboxError } from '../../../src/model/error.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { HttpClient } from '../../../src/provider/http.ts';
import type { MintContext } from '../../../src/provider/provider.ts';

const keys = generateKeyPairSync('ed25519');
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function workloadToken(audience: string, seconds = 300): string {
  const claims = { aud: audience, sub: 'repo:acme@1/app@2', exp: Date.now() / 1000 + seconds };
  const text = `${encode({ alg: 'EdDSA' })}.${encode(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), keys.privateKey).toString('base64url')}`;
}

/** How a cloud tells the tokens it takes: is it good, for this audience, and not over? */
export type TokenCheck = (token: unknown, audience: string) => boolean | Promise<boolean>;

/** Is it one of ours, for this audience, and not over? */
export function isWorkloadToken(token: unknown, audience: string): boolean {
  if (typeof token !== 'string') return false;
  const [head = '', body = '', signature = ''] = token.split('.');
  const isSigned = verify(
    null,
    Buffer.from(`${head}.${body}`),
    keys.publicKey,
    Buffer.from(signature, 'base64url'),
  );
  if (!isSigned) return false;
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as {
    aud: string;
    exp: number;
  };
  return claims.aud === audience && claims.exp > Date.now() / 1000;
}

/** As the real client: no redirects. */
export const http: HttpClient = async ({ method, url, headers, body, signal }) => {
  const answer = await fetch(url, {
    method,
    redirect: 'manual',
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (answer.status >= 300 && answer.status < 400)
    throw new SandboxError({
      kind: 'upstream',
      code: 'PROVIDER_REDIRECT',
      message: `got ${answer.status}, which is not followed`,
    });
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await answer.text(),
  };
};

export function mintContext(request: JsonObject, change: Partial<MintContext> = {}): MintContext {
  return {
    request,
    idToken: (audience) => Promise.resolve(new Secret(workloadToken(audience))),
    http,
    environment: {},
    home: '/nonexistent',
    sessionName: 'session-1.run-2@octocat',
    now: Date.now,
    signal: AbortSignal.timeout(20_000),
    ...change,
  };
}
