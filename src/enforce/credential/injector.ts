// Puts credentials into requests that were allowed, and takes them out of answers.
// Invariants: a value leaves over TLS, to the host, method and path of its bind, and is on record first; no placeholder leaves
// any other way; no value that lives comes back to the guest.

import type { Material } from '../../model/credential.ts';
import type {
  AllowedRequest,
  AnswerPart,
  HeaderFields,
  Injection,
  InjectionRefusal,
  Injector,
  OutgoingHead,
} from '../injection.ts';
import type { Quotas } from '../quotas.ts';
import { createAnswers } from './answer.ts';
import type { Binds, Bound } from './binds.ts';
import { guardRequest } from './body.ts';
import type { Broker } from './broker.ts';
import { readInjection } from './head-injection.ts';
import type { Wanted } from './head-injection.ts';
import { secretsOf } from './material.ts';
import type { Notes } from './notes.ts';
import type { Placeholders } from './placeholder/placeholders.ts';
import { createRoom } from './room.ts';
import type { Room } from './room.ts';
import type { Scanner } from '../scan/scanner.ts';
import { sealAnswer } from './seal-answer.ts';
import type { Seals } from './sealed.ts';
import { createSigning } from './signing.ts';
import type { Signing } from './signing.ts';

export interface InjectorOptions {
  binds: Binds;
  placeholders: Placeholders;
  scanner: Scanner;
  seals: Seals;
  broker: Pick<Broker, 'take'>;
  quotas: Pick<Quotas, 'take'>;
  notes: Notes;
  /** milliseconds since the epoch */
  now: () => number;
}

/** Of a body that is signed, or read before it may go. */
const MAX_BODY = 8 * 1024 * 1024;
/** Of all bodies of a session that are held at once. */
const MAX_HELD = 64 * 1024 * 1024;
/** A server may answer with the whole, whatever these ask for (RFC 9110 §14.2). */
const PIECES = new Set(['range', 'if-range']);

export function createInjector(options: InjectorOptions): Injector {
  const { binds, notes } = options;
  const room = createRoom(MAX_HELD);
  return {
    isBound: (host, port) => binds.isBound(host, port),
    inject(request, head) {
      const reading = readInjection(request, head, options);
      if (reading.kind === 'refused') {
        const { alert, credential, reason } = reading;
        notes.alert(request, alert, credential === undefined ? {} : { credential });
        return refusedInjection(notes.refuse(request, 'placeholder', reason));
      }
      const wanted = reading.kind === 'wanted' ? reading.wanted : undefined;
      return createInjection(request, { ...head, fields: reading.fields }, wanted, {
        ...options,
        room,
      });
    },
  };
}

function createInjection(
  request: AllowedRequest,
  head: OutgoingHead,
  wanted: Wanted | undefined,
  options: InjectorOptions & { room: Room },
): Injection {
  const { binds, notes, scanner } = options;
  const isBound = binds.isBound(request.host, request.port);
  const answers = createAnswers({ request, scanner, notes, isBound });
  const signing =
    wanted?.bound.sign === undefined
      ? undefined
      : createSigning(request, head, wanted.bound, options);
  // What is compressed would have to be undone here before it can be looked into; frames of a WebSocket never are.
  const plain = head.fields.filter(([name]) => name !== 'sec-websocket-extensions');
  const whole = isBound ? withIdentity(plain) : plain;
  // Asked for in pieces, an answer would show the value in pieces that nobody could know it by.
  const fields = wanted?.slot === undefined ? whole : whole.filter(([name]) => !PIECES.has(name));

  async function prepare(
    body: Buffer | undefined,
  ): Promise<{ fields: HeaderFields } | InjectionRefusal> {
    if (wanted === undefined) return { fields };
    const { bound, id } = wanted;
    const over = countUse(bound, options.quotas);
    if (over !== undefined) return notes.refuse(request, 'credential-limit', over);
    // A signature is checked before anything is minted for it.
    const fault = signing?.check(body);
    if (fault !== undefined) return notes.refuse(request, 'credential-sign', fault);
    const taken = await takeValue(id, options);
    if (taken === undefined)
      return notes.refuse(
        request,
        'credential-mint',
        `the credential "${bound.credential.id}" cannot be had now; the log of the session says why`,
      );
    const filled = fill(fields, wanted, taken, signing);
    if (filled === undefined)
      return notes.refuse(
        request,
        'credential-mint',
        `the value of "${bound.credential.id}" does not fit into this request`,
      );
    const header = wanted.slot?.header ?? 'authorization';
    if (!notes.inject(request, bound.credential.id, { bind: bound.place, header }))
      return notes.refuse(request, 'credential-mint', 'the use of it could not be recorded');
    return { fields: filled };
  }

  return {
    ...(wanted && { credential: wanted.bound.credential.id }),
    takesBody: signing?.takesBody ?? false,
    maxBody: MAX_BODY,
    ...options.room.share(),
    prepare,
    guard: (onRefuse) =>
      guardRequest({
        request,
        fields: head.fields,
        isBound,
        expectedHash: () => signing?.expectedHash(),
        notes,
        placeholders: options.placeholders,
        onRefuse,
      }),
    answer(answered, hasBody): AnswerPart | undefined {
      const part = answers.answer(answered, hasBody);
      if (part === undefined || wanted?.bound.seal !== true || !hasBody) return part;
      return sealAnswer(part, wanted.bound.credential.id, options.seals);
    },
    scrub: answers.scrub,
    watch: answers.watch,
  };
}

async function takeValue(
  id: string,
  { broker, seals }: InjectorOptions,
): Promise<Material | undefined> {
  const sealed = seals.find(id);
  if (sealed !== undefined) return { kind: 'token', token: sealed.secret };
  const taken = await broker.take(id);
  return 'material' in taken ? taken.material : undefined;
}

function fill(
  fields: HeaderFields,
  { slot }: Wanted,
  material: Material,
  signing: Signing | undefined,
): HeaderFields | undefined {
  if (signing !== undefined) return signing.sign(fields, material);
  const [, secret] = secretsOf(material).find(([part]) => part === 'token') ?? [];
  const value = secret === undefined ? undefined : slot?.fill(secret);
  if (slot === undefined || value === undefined) return undefined;
  return fields.map(([name, old]) => (name === slot.header ? [name, value] : [name, old]));
}

function withIdentity(fields: HeaderFields): HeaderFields {
  return [
    ...fields.filter(([name]) => name !== 'accept-encoding'),
    ['accept-encoding', 'identity'],
  ];
}

function countUse(
  { limit, within, credential, place }: Bound,
  quotas: Pick<Quotas, 'take'>,
): string | undefined {
  const { id, layer, file, line } = credential;
  const rule = { id: `${layer}/${id}.${place}`, file, line, layer };
  const own = limit === undefined ? [] : [{ rule, limit }];
  return quotas.take([...own, ...within].map((one) => ({ ...one, depth: 0 })))?.reason;
}

function refusedInjection(refused: InjectionRefusal): Injection {
  return {
    refused,
    takesBody: false,
    maxBody: 0,
    hold: () => false,
    release: () => undefined,
    prepare: () => Promise.resolve(refused),
    guard: () => [],
    answer: () => undefined,
    scrub: () => [],
    watch: () => ({ push: () => false, end: () => undefined }),
  };
}
