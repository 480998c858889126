// Signature Version 4, the signing side: headers only, HMAC only.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { createHash, createHmac } from 'node:crypto';

import { canonicalRequest, headerValues, pathRuleOf } from './canonical.ts';
import type { WireRequest } from './canonical.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';

export interface SigningKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface Scope {
  service: string;
  region: string;
}

export interface SignOptions extends Scope {
  /** `YYYYMMDDTHHMMSSZ`; that of the request's `x-amz-date` unless said */
  date?: string;
  /** hex SHA-256 of the body, or the literal that stands for it; that of `x-amz-content-sha256` unless said */
  payload?: string;
  /** lower-case names of headers to sign where the request has them; all of them unless said */
  signed?: readonly string[];
}

// Changed, dropped or added on the way, or made by the signature itself; the vendor's own signers leave out the same ones.
const NEVER_SIGNED =
  /^(?:authorization|cache-control|connection|expect|from|keep-alive|max-forwards|pragma|proxy-.*|referer|sec-.*|te|trailer|transfer-encoding|upgrade|user-agent|x-amzn-trace-id)$/;

/**
 * The request's headers with a signature by these keys: `authorization` and `x-amz-security-token` replaced, `x-amz-date`
 * kept. `host` and every `x-amz-*` header are always signed. Undefined where the request cannot be signed: no date, no
 * payload hash, or a target with more than one reading.
 */
export function sign(
  request: WireRequest,
  keys: SigningKeys,
  options: SignOptions,
): [string, string][] | undefined {
  const headers = request.headers
    .filter(([name]) => !['authorization', 'x-amz-security-token'].includes(name.toLowerCase()))
    .map(([name, value]): [string, string] => [name, value]);
  if (options.date !== undefined && !headers.some(([name]) => name.toLowerCase() === 'x-amz-date'))
    headers.push(['x-amz-date', options.date]);
  if (keys.sessionToken !== undefined) headers.push(['x-amz-security-token', keys.sessionToken]);

  const outgoing = { ...request, headers };
  const values = headerValues(outgoing);
  const date = values.get('x-amz-date')?.join(',');
  const payload = options.payload ?? values.get('x-amz-content-sha256')?.join(',');
  if (date === undefined || !/^\d{8}T\d{6}Z$/.test(date) || payload === undefined) return undefined;
  const asked = options.signed === undefined ? undefined : new Set(options.signed);
  const signed = [...values.keys()]
    .filter((name) => isSigned(name, asked))
    .sort((a, b) => (a < b ? -1 : 1));
  const canonical = canonicalRequest(outgoing, signed, payload, pathRuleOf(options.service));
  if (canonical === undefined) return undefined;
  const signature = signatureOf(canonical, keys, date, options);
  const credential = `${keys.accessKeyId}/${scopeText(date, options)}`;
  headers.push([
    'authorization',
    `${ALGORITHM} Credential=${credential}, SignedHeaders=${signed.join(';')}, Signature=${signature}`,
  ]);
  return headers;
}

function isSigned(name: string, asked: Set<string> | undefined): boolean {
  if (name === 'host' || name.startsWith('x-amz-')) return true;
  return !NEVER_SIGNED.test(name) && (asked === undefined || asked.has(name));
}

/** `20150830/us-east-1/service/aws4_request` */
export function scopeText(date: string, { region, service }: Scope): string {
  return `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
}

/** Lower-case hex. */
export function signatureOf(
  canonical: string,
  keys: SigningKeys,
  date: string,
  scope: Scope,
): string {
  // One character is one byte here, so that what is hashed is what the server sees.
  const hash = createHash('sha256').update(canonical, 'latin1').digest('hex');
  const text = `${ALGORITHM}\n${date}\n${scopeText(date, scope)}\n${hash}`;
  return createHmac('sha256', signingKey(keys, date, scope))
    .update(text)
    .digest('hex');
}

/** Signing keys of the day, which take four hashes to derive; they go with the keys they are of. */
const derived = new WeakMap<SigningKeys, { of: string; key: Buffer }>();

function signingKey(keys: SigningKeys, date: string, scope: Scope): Buffer {
  const of = `${scopeText(date, scope)} ${keys.secretAccessKey}`;
  const known = derived.get(keys);
  if (known?.of === of) return known.key;
  let key = hmac(`AWS4${keys.secretAccessKey}`, date.slice(0, 8));
  for (const part of [scope.region, scope.service, 'aws4_request']) key = hmac(key, part);
  derived.set(keys, { of, key });
  return key;
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** `YYYYMMDDTHHMMSSZ` of a time in milliseconds since the epoch. */
export function amzDate(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');
}
