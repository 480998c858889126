// When a credential ends: as its vendor says, and no later than the policy's `ttl`.

import { upstreamFault } from './fault.ts';
import { type Answer, fieldOf, textOf } from './answer.ts';

/** A credential that lasts longer was not meant to be short-lived, and its number is more likely a fault. */
const LONGEST = 366 * 24 * 3_600_000;
/** One that is over sooner is of no use by the time it is put in. */
const SHORTEST = 1_000;
/** `2026-11-21T10:11:12Z`, with or without fractions and offset: the profile of RFC 3339 */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** `name` holds seconds from now, as a number or in digits; milliseconds since the epoch. `now`: before the request was sent. */
export function endInSeconds(answer: Answer, name: string, now: number): number {
  const value = fieldOf(answer, name);
  const seconds = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds))
    throw upstreamFault(
      'PROVIDER_ANSWER',
      `expected a number of seconds in '${name}' of ${answer.from}`,
    );
  return checked(now + seconds * 1000, now, answer.from);
}

/** `name` holds a time of RFC 3339; milliseconds since the epoch. */
export function endAtTime(answer: Answer, name: string, now: number): number {
  const value = textOf(answer, name);
  const end = TIME.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(end))
    throw upstreamFault('PROVIDER_ANSWER', `expected a time in '${name}' of ${answer.from}`);
  return checked(end, now, answer.from);
}

function checked(end: number, now: number, from: string): number {
  if (end - now < SHORTEST)
    throw upstreamFault(
      'PROVIDER_EXPIRY',
      `${from} granted what is over already`,
      'is the clock of this machine right?',
    );
  if (end - now > LONGEST)
    throw upstreamFault('PROVIDER_EXPIRY', `${from} granted what lasts for more than a year`);
  return end;
}

/** For `Minted`: the earlier of the vendor's end and the `ttl`; nothing where there is neither. */
export function notAfter(
  { ttl }: { ttl?: number },
  now: number,
  end?: number,
): { notAfter?: number } {
  const ends = [...(end === undefined ? [] : [end]), ...(ttl === undefined ? [] : [now + ttl])];
  return ends.length === 0 ? {} : { notAfter: Math.min(...ends) };
}
