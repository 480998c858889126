// The JWT by which a GitHub App proves itself: RS256, `iat` a minute ago for clocks that differ, at most ten minutes long.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app

import { type KeyObject, createPrivateKey } from 'node:crypto';

import { Secret } from '../model/secret.ts';
import { sourceFault } from './fault.ts';
import type { Sourced } from './source.ts';

const BACKDATED_S = 60;
const LIFE_S = 9 * 60;

/** `app`: client id or number; `key`: PEM, PKCS#1 as GitHub hands it out, or PKCS#8; `now`: milliseconds since the epoch. */
export async function appToken(app: string, key: Sourced, now: number): Promise<Secret> {
  const seconds = Math.floor(now / 1000);
  const { SignJWT } = await import('jose');
  const jwt = await new SignJWT()
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(app)
    .setIssuedAt(seconds - BACKDATED_S)
    .setExpirationTime(seconds + LIFE_S)
    .sign(readKey(key));
  return new Secret(jwt);
}

function readKey({ value, place }: Sourced): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(value);
  } catch {
    // OpenSSL's own words help nobody, and what it read is the key.
  }
  if (key?.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    throw sourceFault(`expected the App's RSA key of 2048 bits or more as PEM in ${place}`);
  return key;
}
