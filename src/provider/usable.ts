// Which values are used as secrets: what can stand in a header, and is long enough to be looked for in answers.

import { Secret } from '../model/secret.ts';
import { sourceFault, upstreamFault } from './fault.ts';

const SHORTEST = 8;
const LONGEST = 64 * 1024;

/** Why `value` is no usable secret, in words without the value; undefined when it is one. */
export function whyUnusable(value: string): string | undefined {
  if (value.length < SHORTEST) return `it has fewer than ${SHORTEST} characters`;
  if (value.length > LONGEST) return `it has more than ${LONGEST} characters`;
  if (/[\r\n]/.test(value)) return 'it has a line break in it';
  if (value.includes('\0')) return 'it has a NUL in it';
  if (!/^[\x20-\x7e]+$/.test(value)) return 'it has a character in it that is not visible ASCII';
  if (value.startsWith(' ') || value.endsWith(' ')) return 'it has a blank at an end';
  return undefined;
}

/** A secret that the host keeps; `what` names its place. */
export function hostSecret(value: string, what: string): Secret {
  const reason = whyUnusable(value);
  if (reason !== undefined) throw sourceFault(`expected a secret in ${what}, but ${reason}`);
  return new Secret(value);
}

/** A secret out of a vendor's answer; `what` names its field. */
export function answeredSecret(value: string, what: string): Secret {
  const reason = whyUnusable(value);
  if (reason !== undefined)
    throw upstreamFault('PROVIDER_ANSWER', `expected a secret in ${what}, but ${reason}`);
  return new Secret(value);
}
