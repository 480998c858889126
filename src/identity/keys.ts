// The keys an issuer signs with, from its JWKS (RFC 7517). Asked for by our own client, so that the host's proxies and
// authorities hold; kept, and asked for again when a token names a key that is not among them.

import type { JSONWebKeySet, JWK, JWTVerifyGetKey } from 'jose';

import { invalid } from './fault.ts';
import { memberOf } from './member.ts';

/** An HTTP client, as far as it is needed here; follows no redirect. */
export type Get = (request: {
  method: 'GET';
  url: string;
  headers: Record<string, string>;
}) => Promise<{ status: number; body: string }>;

export interface Keys {
  /** for one issuer, by the URL in its tokens */
  of(issuer: string): JWTVerifyGetKey;
}

/** A token can name any key: without a pause each would cost a request. */
const PAUSE_MS = 30_000;
const MOST_KEYS = 100;

interface Kept {
  keys: JWTVerifyGetKey;
  /** milliseconds since the epoch */
  since: number;
}

export function createKeys({ get, now }: { get: Get; now: () => number }): Keys {
  const kept = new Map<string, Promise<Kept>>();

  function load(issuer: string): Promise<Kept> {
    const loading = fetchKeys(issuer, get).then((keys) => ({ keys, since: now() }));
    kept.set(issuer, loading);
    loading.catch(() => {
      if (kept.get(issuer) === loading) kept.delete(issuer);
    });
    return loading;
  }

  return {
    of: (issuer) => async (header, token) => {
      const known = await (kept.get(issuer) ?? load(issuer));
      try {
        return await known.keys(header, token);
      } catch (error) {
        const { errors } = await import('jose');
        const isUnknown = error instanceof errors.JWKSNoMatchingKey;
        if (!isUnknown || now() - known.since < PAUSE_MS) throw error;
        return (await load(issuer)).keys(header, token);
      }
    },
  };
}

async function fetchKeys(issuer: string, get: Get): Promise<JWTVerifyGetKey> {
  const response = await get({
    method: 'GET',
    url: `${issuer}/.well-known/jwks`,
    headers: { accept: 'application/json' },
  });
  if (response.status !== 200)
    throw invalid(`the issuer's keys were answered with ${response.status}`);
  const set = parse(response.body);
  if (set === undefined) throw invalid("the issuer's keys are no JWKS");
  const { createLocalJWKSet } = await import('jose');
  try {
    return createLocalJWKSet(set);
  } catch {
    throw invalid("the issuer's keys are no JWKS");
  }
}

function parse(body: string): JSONWebKeySet | undefined {
  const keys = memberOf(body, 'keys');
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST_KEYS) return undefined;
  return { keys: keys as JWK[] }; // jose checks each key
}
