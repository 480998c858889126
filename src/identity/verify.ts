// Verifies a workload's token: signature, issuer, audience and times. Invariant: RS256 and nothing else, for one audience
// and nothing else, within its times.

import type { JWTPayload } from 'jose';

import { invalid } from './fault.ts';
import type { Issuer } from './issuer.ts';
import type { Keys } from './keys.ts';

export interface Expected {
  issuer: Issuer;
  audience: string;
  keys: Keys;
  /** milliseconds since the epoch */
  now: number;
}

/** Claims whose signature holds. */
export type Verified = JWTPayload & { iss: string; exp: number; iat: number };

/** How far the issuer's clock may be ahead of ours; our own clock may not be ahead of `exp` at all. */
const SKEW_S = 60;

export async function verifyToken(token: string, expected: Expected): Promise<Verified> {
  const { issuer, audience, keys, now } = expected;
  const iss = await claimedIssuer(token);
  if (iss === undefined || !issuer.accepts(iss))
    throw invalid(`the token was issued by someone else than ${issuer.url}`);
  const { payload } = await verifySignature(token, { iss, audience, keys, now });
  const { exp, iat } = payload;
  const seconds = now / 1000;
  if (payload.aud !== audience) throw invalid('the token is for more than one audience');
  if (exp === undefined || exp <= seconds) throw invalid('the token has expired');
  if (iat === undefined || iat > seconds + SKEW_S)
    throw invalid('the token is from the future', 'is the clock of this machine right?');
  return { ...payload, iss, exp, iat };
}

/** Not to be believed: it says which keys are asked. */
async function claimedIssuer(token: string): Promise<string | undefined> {
  const { decodeJwt } = await import('jose');
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined; // No JWT at all.
  }
}

async function verifySignature(
  token: string,
  { iss, audience, keys, now }: { iss: string; audience: string; keys: Keys; now: number },
): Promise<{ payload: JWTPayload }> {
  const { errors, jwtVerify } = await import('jose');
  try {
    return await jwtVerify(token, keys.of(iss), {
      issuer: iss,
      audience,
      algorithms: ['RS256'],
      requiredClaims: ['iat', 'exp'],
      clockTolerance: SKEW_S, // for `nbf`; `exp` is looked at once more, without
      currentDate: new Date(now),
    });
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    // Its message may name what came; its code and claim are names of jose's own.
    const claim = error instanceof errors.JWTClaimValidationFailed ? ` (${error.claim})` : '';
    throw invalid(`the token does not hold: ${error.code}${claim}`);
  }
}
