// Verifies that a request of the guest is signed with the placeholder keys, for exactly the service and region of the bind.
// Invariant: what is valid here has one reading, so that the same request signed with the real keys asks for nothing else.
import { timingSafeEqual } from 'node:crypto';

import {
  canonicalRequest,
  headerValues,
  pathRuleOf,
  queryPairs,
} from '../../../provider/sigv4/canonical.ts';
import type { WireRequest } from '../../../provider/sigv4/canonical.ts';
import { signatureOf } from '../../../provider/sigv4/sign.ts';
import type { Scope, SigningKeys } from '../../../provider/sigv4/sign.ts';
import { readAuthorization } from './authorization.ts';

export interface Expected extends Scope {
  /** milliseconds since the epoch */
  now: number;
}

/** Why a request is refused; fit for the guest. */
export const FAULTS = {
  unsigned: 'it carries no signature of the kind `AWS4-HMAC-SHA256`',
  presigned: 'a signature in the URL is not taken',
  malformed: 'its signature cannot be read, or its target has more than one reading',
  'unknown-key': 'it is signed with another access key than the session was given',
  token: 'its `x-amz-security-token` is not the one the session was given',
  scope: 'it is signed for another service or region than the policy binds',
  headers: '`host`, `x-amz-date` and every `x-amz-*` header must be there once and be signed',
  date: 'its `x-amz-date` is more than five minutes off',
  chunked: 'signed chunks are not taken; send the payload signed as a whole or `UNSIGNED-PAYLOAD`',
  payload: 'its body is not the one that was signed',
  mismatch: 'its signature does not fit the request',
} as const;

export type Fault = keyof typeof FAULTS;

export type Verdict =
  | {
      outcome: 'valid';
      /** lower-case names of the headers that the guest signed */
      signed: string[];
      /** what stands for the body in the signature: its hex SHA-256, or a literal */
      payload: string;
      /** hex SHA-256 that the body must turn out to have; absent where the body is not signed, or was hashed already */
      expectedHash?: string;
    }
  | { outcome: 'refused'; fault: Fault }
  /** nothing says what the body hashes to: ask again with `bodyHash` */
  | { outcome: 'body-needed' };

const SKEW_MS = 5 * 60_000;
/** Names in a query that make it presigned (version 4, and version 2 before it). */
const PRESIGNED =
  /^(?:x-amz-(?:algorithm|credential|date|expires|security-token|signature|signedheaders)|awsaccesskeyid)$/i;
const SHA256 = /^[0-9a-f]{64}$/;
/** Literals in place of a hash, for bodies that only TLS protects. */
const UNSIGNED_BODY = new Set(['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']);

/**
 * `bodyHash`: hex SHA-256 of the whole body, where the caller has it. The caller speaks TLS to the server: a literal in place
 * of the hash leaves the body unsigned.
 */
export function verify(
  request: WireRequest,
  placeholder: SigningKeys,
  expected: Expected,
  bodyHash?: string,
): Verdict {
  const values = headerValues(request);
  const fault = (name: Fault): Verdict => ({ outcome: 'refused', fault: name });

  if (isHostAmbiguous(request)) return fault('headers');
  const query = queryPairs(request.query);
  if (query === undefined) return fault('malformed');
  if (query.some(([name]) => PRESIGNED.test(name))) return fault('presigned');
  const [authorization, ...more] = values.get('authorization') ?? [];
  if (authorization === undefined || !/^AWS4-HMAC-SHA256[ \t]/.test(authorization))
    return fault('unsigned');
  const claims = readAuthorization(authorization);
  if (claims === undefined || more.length > 0) return fault('malformed');

  if (claims.accessKeyId !== placeholder.accessKeyId) return fault('unknown-key');
  const tokens = values.get('x-amz-security-token') ?? [];
  const expectedTokens = placeholder.sessionToken === undefined ? [] : [placeholder.sessionToken];
  if (tokens.length !== expectedTokens.length || tokens[0] !== expectedTokens[0])
    return fault('token');
  if (claims.service !== expected.service || claims.region !== expected.region)
    return fault('scope');

  const signed = new Set(claims.signed);
  if (!areHeadersSigned(values, signed)) return fault('headers');
  const date = values.get('x-amz-date')?.[0] ?? '';
  const time = timeOf(date);
  if (time === undefined || !date.startsWith(claims.day)) return fault('date');
  if (Math.abs(time - expected.now) > SKEW_MS) return fault('date');

  const stated = values.get('x-amz-content-sha256')?.[0];
  if (stated !== undefined && !SHA256.test(stated) && !UNSIGNED_BODY.has(stated))
    return fault(stated.startsWith('STREAMING-') ? 'chunked' : 'payload');
  const payload = stated ?? bodyHash;
  if (payload === undefined) return { outcome: 'body-needed' };
  const isHash = SHA256.test(payload);
  if (isHash && bodyHash !== undefined && bodyHash !== payload) return fault('payload');

  const canonical = canonicalRequest(request, claims.signed, payload, pathRuleOf(expected.service));
  if (canonical === undefined) return fault('malformed');
  const signature = signatureOf(canonical, placeholder, date, expected);
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(claims.signature)))
    return fault('mismatch');
  return {
    outcome: 'valid',
    signed: claims.signed,
    payload,
    ...(isHash && bodyHash === undefined ? { expectedHash: payload } : {}),
  };
}

/** A `host` header beside the authority that says something else. */
function isHostAmbiguous(request: WireRequest): boolean {
  const hosts = request.headers.filter(([name]) => name.toLowerCase() === 'host');
  return hosts.length > 1 || hosts.some(([, value]) => value !== request.host);
}

function areHeadersSigned(values: Map<string, string[]>, signed: Set<string>): boolean {
  if (!signed.has('host') || !signed.has('x-amz-date')) return false;
  for (const name of signed) if (!values.has(name)) return false;
  for (const name of ['x-amz-date', 'x-amz-content-sha256', 'x-amz-target'])
    if ((values.get(name)?.length ?? 0) > 1) return false;
  return [...values.keys()].every((name) => !name.startsWith('x-amz-') || signed.has(name));
}

/** Milliseconds since the epoch of `YYYYMMDDTHHMMSSZ`; undefined for any other form, and for days that are none. */
function timeOf(date: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (!parts) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1);
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  return Number.isFinite(time) && new Date(time).toISOString() === iso ? time : undefined;
}
