// What of a request's params goes on: members that its method has in the specification, each of the right type. `_meta` is built anew
// by whoever sends. https://modelcontextprotocol.io/specification/2025-11-25/schema

import type { Json, JsonObject } from '../../../model/credential.ts';
import { foldName } from '../json/keys.ts';
import type { Era } from './era.ts';
import { isLevel } from './level.ts';
import { isObject } from './message.ts';

export type ParamsReading =
  { params: JsonObject; fault?: never } | { fault: string; params?: never };

type Check = (value: Json) => boolean;
interface Member {
  check: Check;
  isRequired?: boolean;
  era?: Era;
  /** what of it goes on; all of it unless said */
  keep?: (value: Json) => Json;
}

const text: Check = (value) => typeof value === 'string';
const object: Check = isObject;

const RETRY: Record<string, Member> = {
  inputResponses: { check: object, era: 'modern' },
  requestState: { check: text, era: 'modern' },
};

const REFERENCE: Check = (value) =>
  isObject(value) &&
  ((value['type'] === 'ref/prompt' && typeof value['name'] === 'string') ||
    (value['type'] === 'ref/resource' && typeof value['uri'] === 'string'));

/** Of what is completed, only what its type makes of it: whoever judges and whoever answers must mean the same. */
const referenceOf = (value: Json): Json => {
  if (!isObject(value)) return value;
  const { type, name, uri } = value;
  return type === 'ref/prompt'
    ? { type, name: name ?? null }
    : { type: type ?? null, uri: uri ?? null };
};

const argumentOf = (value: Json): Json =>
  isObject(value) ? { name: value['name'] ?? null, value: value['value'] ?? null } : value;

const ARGUMENT: Check = (value) =>
  isObject(value) && typeof value['name'] === 'string' && typeof value['value'] === 'string';

const MEMBERS: ReadonlyMap<string, Record<string, Member>> = new Map<
  string,
  Record<string, Member>
>([
  [
    'tools/call',
    { name: { check: text, isRequired: true }, arguments: { check: object }, ...RETRY },
  ],
  [
    'prompts/get',
    {
      name: { check: text, isRequired: true },
      arguments: {
        check: (value) => isObject(value) && Object.values(value).every((one) => text(one)),
      },
      ...RETRY,
    },
  ],
  ['resources/read', { uri: { check: text, isRequired: true }, ...RETRY }],
  ['resources/subscribe', { uri: { check: text, isRequired: true } }],
  ['resources/unsubscribe', { uri: { check: text, isRequired: true } }],
  ['logging/setLevel', { level: { check: isLevel, isRequired: true } }],
  [
    'completion/complete',
    {
      ref: { check: REFERENCE, isRequired: true, keep: referenceOf },
      argument: { check: ARGUMENT, isRequired: true, keep: argumentOf },
      context: { check: object },
    },
  ],
  ['subscriptions/listen', { notifications: { check: object, isRequired: true } }],
  ['tools/list', { cursor: { check: text } }],
  ['prompts/list', { cursor: { check: text } }],
  ['resources/list', { cursor: { check: text } }],
  ['resources/templates/list', { cursor: { check: text } }],
]);

/** The params that may go on, without `_meta`, in the order in which they came. */
export function canonicalParams(
  method: string,
  era: Era,
  params: JsonObject | undefined,
): ParamsReading {
  const members = MEMBERS.get(method) ?? {};
  const canonical: JsonObject = {};
  for (const [key, value] of Object.entries(params ?? {})) {
    const member = Object.hasOwn(members, key) ? members[key] : undefined;
    if (member === undefined || (member.era ?? era) !== era) continue;
    if (!member.check(value)) return { fault: `params.${key} is malformed` };
    canonical[key] = member.keep?.(value) ?? value;
  }
  for (const [key, member] of Object.entries(members))
    if (member.isRequired === true && !Object.hasOwn(canonical, key))
      return { fault: `params.${key} is missing` };
  return hasTwins(canonical)
    ? { fault: 'names of arguments differ in the case of letters only' }
    : { params: canonical };
}

/** Letters that no case changes: names of these alone are different to every reader. */
const PLAIN = /^[a-z0-9_.$-]*$/;

/** Whether some object in it has two names that are one to a reader who ignores case. At most as deep as a message may be. */
function hasTwins(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasTwins);
  if (!isObject(value)) return false;
  const names = Object.keys(value);
  if (names.length > 1 && !names.every((name) => PLAIN.test(name)))
    if (new Set(names.map(foldName)).size < names.length) return true;
  return names.some((name) => hasTwins(value[name] ?? null));
}
