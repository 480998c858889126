// What the head of one request says of credentials: whose value it wants, in which header, or why it may not have it.
// Invariant: a placeholder stands in an approved header of a bind that the request lies within, or the request is refused.

import type { AllowedRequest, HeaderFields, OutgoingHead } from '../injection.ts';
import type { Binds, Bound } from './binds.ts';
import type { Notes } from './notes.ts';
import type { Placeholders } from './placeholder/placeholders.ts';
import type { Seals } from './sealed.ts';
import { readValue } from './surface/slot.ts';
import type { Slot } from './surface/slot.ts';
import { placesIn } from './surface/surfaces.ts';
import type { Place } from './surface/surfaces.ts';

export interface HeadOptions {
  binds: Binds;
  placeholders: Placeholders;
  seals: Seals;
  notes: Notes;
}

/** The value goes into the one field called `header`; without `slot` the request is signed with it instead. */
export interface Wanted {
  bound: Bound;
  /** the credential, or a token that was sealed in an answer to one */
  id: string;
  slot?: { header: string; fill: Slot['fill'] };
}

export type HeadReading =
  | { kind: 'refused'; reason: string; alert: string; credential?: string }
  /** no placeholder: the fields as they may go */
  | { kind: 'plain'; fields: HeaderFields }
  | { kind: 'wanted'; fields: HeaderFields; wanted: Wanted };

const AWS4 = /^AWS4-HMAC-SHA256[ \t]/;
/** Headers that say who asks: on hosts with a credential they are ours to say. */
const OWN_AUTH = new Set(['authorization', 'x-api-key', 'x-amz-security-token']);
const SIGNED = ['authorization', 'x-amz-security-token'];

export function readInjection(
  request: AllowedRequest,
  head: OutgoingHead,
  options: HeadOptions,
): HeadReading {
  const { placeholders, binds, seals } = options;
  const target = `${request.path}${head.query}`;
  const places = placesIn({ method: request.method, target, fields: head.fields }, placeholders);
  const bounds = binds.of(request, head.query);
  const bare = (kept: readonly string[]): HeaderFields =>
    withoutOwn(request, head, bounds, options, kept);
  if (places.length === 0) return { kind: 'plain', fields: bare([]) };
  const foreign = places.find((place) => place.isForeign);
  if (foreign !== undefined)
    return {
      kind: 'refused',
      alert: 'placeholder.foreign',
      reason: `it holds a placeholder of another session (${wordsOf(foreign)})`,
    };
  const ids = [...new Set(places.map(({ credential = '' }) => credential))];
  const [id = ''] = ids;
  if (ids.length > 1) return misplaced(id, 'it holds placeholders of several credentials');
  const owner = seals.find(id)?.owner ?? id;
  const own = bounds.filter((bound) => bound.credential.id === owner);
  if (own.length === 0)
    return misplaced(owner, `the credential "${owner}" is not bound to this request`);
  const signed = own.find((bound) => bound.sign !== undefined);
  const reading =
    signed === undefined
      ? readHeader(id, owner, own, places, head, placeholders)
      : readSigned(id, signed, places, head);
  if (reading.kind !== 'wanted') return reading;
  // Beside the value nothing else says who asks: the server might believe that.
  const { slot } = reading.wanted;
  const seal = own.some((one) => one.seal);
  const wanted = { ...reading.wanted, bound: { ...reading.wanted.bound, seal } };
  return { kind: 'wanted', wanted, fields: bare(slot === undefined ? SIGNED : [slot.header]) };
}

function readSigned(id: string, bound: Bound, places: Place[], head: OutgoingHead): HeadReading {
  const stray = places.find(
    ({ surface, header, part }) =>
      surface !== 'header' ||
      !(
        (header === 'authorization' && part === 'accessKeyId') ||
        (header === 'x-amz-security-token' && part === 'sessionToken')
      ),
  );
  if (stray !== undefined)
    return misplaced(id, `its placeholder stands where no key belongs (${wordsOf(stray)})`);
  if (!head.fields.some(([name, value]) => name === 'authorization' && AWS4.test(value)))
    return misplaced(id, 'it is not signed with `AWS4-HMAC-SHA256` in its Authorization header');
  return { kind: 'wanted', fields: head.fields, wanted: { bound, id } };
}

function readHeader(
  id: string,
  owner: string,
  own: Bound[],
  places: Place[],
  head: OutgoingHead,
  placeholders: Placeholders,
): HeadReading {
  const headers = new Set(places.map(({ header }) => header));
  const [header] = headers;
  const bound = own.find(({ headers: approved }) => approved.includes(header ?? ''));
  const stray = places.find(({ surface }) => surface !== 'header' && surface !== 'basic');
  if (stray !== undefined)
    return misplaced(
      owner,
      `its placeholder stands where no credential belongs (${wordsOf(stray)})`,
    );
  if (header === undefined || headers.size > 1 || bound === undefined)
    return misplaced(owner, `its placeholder stands in a header that its bind does not name`);
  const indexes = head.fields.flatMap(([name], index) => (name === header ? [index] : []));
  const [index = -1] = indexes;
  const value = readValue(head.fields[index]?.[1] ?? '', placeholders);
  if (indexes.length > 1 || value.kind !== 'slot')
    return misplaced(owner, `the header ${header} holds more than its placeholder`);
  const { fill } = value;
  return {
    kind: 'wanted',
    fields: head.fields,
    wanted: { bound, id, slot: { header, fill } },
  };
}

/** On a host with a credential, what the guest brings along to say who it is stays here. */
function withoutOwn(
  request: AllowedRequest,
  head: OutgoingHead,
  bounds: readonly Bound[],
  { binds, notes }: HeadOptions,
  kept: readonly string[],
): HeaderFields {
  if (request.scheme !== 'https' || !binds.isBound(request.host, request.port)) return head.fields;
  const names = new Set([...OWN_AUTH, ...bounds.flatMap(({ headers }) => headers)]);
  // To programs behind CGI and its heirs `_` and `-` are one.
  const isOwn = (name: string): boolean =>
    names.has(name.replaceAll('_', '-')) && !kept.includes(name);
  const gone = head.fields.filter(([name]) => isOwn(name)).map(([name]) => name);
  if (gone.length === 0) return head.fields;
  notes.alert(request, 'auth.foreign', { header: [...new Set(gone)].join(', ') });
  return head.fields.filter(([name]) => !isOwn(name));
}

function misplaced(credential: string, reason: string): HeadReading {
  return { kind: 'refused', alert: 'placeholder.misplaced', credential, reason };
}

function wordsOf({ surface, header }: Place): string {
  return header === undefined ? surface : `${surface} ${header}`;
}
