// Reading what a cloud's token service answers: strictly, within limits, and without a byte of it in an error but its status
// and a code from a fixed list.
import type { Json, JsonObject } from '../model/credential.ts';
import { SandboxError } from '../model/error.ts';
import type { ProviderFault } from './fault.ts';
import type { HttpResponse } from './http.ts';

const MAX_BODY = 256 * 1024;
export const MAX_TOKEN = 32 * 1024;
/** What may stand in a header. */
const VISIBLE = /^[!-~]+$/;
const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json(?:[ ;]|$)/i;

/** What a provider of a cloud throws besides what all providers do. */
export type CloudFault =
  | ProviderFault
  /** the session policy is more than AWS takes */
  | 'PROVIDER_AWS_POLICY'
  /** what was granted could not be ended when it must */
  | 'PROVIDER_IRREVOCABLE';

/** `what`: whose answer, e.g. `AWS STS`. */
export function upstreamError(
  code: CloudFault,
  what: string,
  fault: string,
  hint?: string,
): SandboxError {
  return new SandboxError({
    kind: 'upstream',
    code,
    message: `${what}: ${fault}`,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** `known`: what the vendor may call the fault; anything else it says is left out. */
export function statusError(
  what: string,
  status: number,
  said: string | undefined,
  known: readonly string[],
  hint?: string,
): SandboxError {
  const code = known.find((one) => one === said);
  const fault = `expected status 200, got ${status}${code === undefined ? '' : ` (${code})`}`;
  return upstreamError('PROVIDER_REFUSED', what, fault, hint);
}

export function isJson(response: HttpResponse): boolean {
  return JSON_TYPE.test(response.headers['content-type'] ?? '');
}

/** The object in the body; throws `PROVIDER_ANSWER`. */
export function readObject(response: HttpResponse, what: string): JsonObject {
  const object = tryObject(response);
  if (object === undefined)
    throw upstreamError('PROVIDER_ANSWER', what, 'expected a JSON object in the answer');
  return object;
}

/** For answers that are refusals already. */
export function tryObject(response: HttpResponse): JsonObject | undefined {
  if (response.body.length > MAX_BODY) return undefined;
  try {
    const value = JSON.parse(response.body) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Readers of the members of an object; each throws `PROVIDER_ANSWER`, and names the member but not its value. */
export function fieldsOf(object: JsonObject, what: string) {
  const fail = (name: string, expected: string): never => {
    throw upstreamError(
      'PROVIDER_ANSWER',
      what,
      `expected \`${name}\` in the answer to be ${expected}`,
    );
  };
  const own = (name: string): Json | undefined =>
    Object.hasOwn(object, name) ? object[name] : undefined;
  return {
    own,
    object: (name: string): JsonObject => {
      const value = own(name);
      return isObject(value) ? value : fail(name, 'an object');
    },
    /** visible ASCII, no blanks */
    token: (name: string): string => {
      const value = own(name);
      return typeof value === 'string' && value.length <= MAX_TOKEN && VISIBLE.test(value)
        ? value
        : fail(name, 'a token');
    },
    /** whole, above zero; some vendors send digits in a string */
    seconds: (name: string): number => {
      const value = own(name);
      const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
      return typeof number === 'number' && Number.isInteger(number) && number > 0 && number < 1e9
        ? number
        : fail(name, 'a number of seconds');
    },
    texts: (name: string): string[] => {
      const value = own(name);
      return Array.isArray(value) &&
        value.length <= 1000 &&
        value.every((x) => typeof x === 'string')
        ? value
        : fail(name, 'a list of texts');
    },
  };
}

/** The smaller of what the provider says and what the policy lets it live. */
export function endOf(said: number, now: number, ttl: number | undefined): number {
  return ttl === undefined ? said : Math.min(said, now + ttl);
}

export function form(fields: Record<string, string>): {
  headers: Record<string, string>;
  body: string;
} {
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(fields).toString(),
  };
}

/** A fault in the policy's `request`. */
export function requestError(code: string, message: string, hint?: string): SandboxError {
  return new SandboxError({
    kind: 'policy',
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
  });
}
