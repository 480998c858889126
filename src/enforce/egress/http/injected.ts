// A request and its answer on their way through what looks after credentials.

import { pipeline, Readable } from 'node:stream';

import type { HeaderFields, Injection, InjectionRefusal, OutgoingHead } from '../../injection.ts';
import { hostField } from './head.ts';
import type { Inlet, RequestHead, Site } from './message.ts';

export function outgoing(head: RequestHead, site: Site): OutgoingHead {
  const { query, fields, hasBody, length } = head;
  return {
    query,
    fields,
    hasBody,
    ...(length !== undefined && { length }),
    authority: hostField(site),
  };
}

/** The whole of a body; undefined where it is too long, or was cut off. */
export async function collect(
  body: Inlet,
  { maxBody, hold }: Pick<Injection, 'maxBody' | 'hold'>,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body.stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody || !hold(chunk.length)) return undefined;
    chunks.push(chunk);
  }
  return body.isWhole() ? Buffer.concat(chunks) : undefined;
}

/** The body as it may go out; `whole`: what was collected of it. */
export function guardedBody(
  injection: Injection,
  body: Inlet,
  whole: Buffer | undefined,
  onRefuse: (refusal: InjectionRefusal) => void,
): Inlet {
  const source = whole === undefined ? body.stream : Readable.from([whole]);
  if (body.isEmpty === true) return body;
  let stream = source;
  for (const part of injection.guard(onRefuse)) {
    // What breaks here was refused, or its connection is gone: both are seen where they happen.
    part.on('error', () => undefined);
    stream = stream.pipe(part);
  }
  // Trailers are left out: nobody looks for placeholders there, and no client sends any that matters.
  return { ...body, stream, trailers: () => [] };
}

export interface Answered {
  fields: HeaderFields;
  body: Inlet;
  /** what becomes of the body once all of it is there; it is short */
  whole?: (body: Buffer) => Buffer;
}

/** All of a short body; nothing where it was cut off. */
export function gather(
  body: Inlet,
  onBytes: (count: number) => void,
  onEnd: (body: Buffer | undefined) => void,
): void {
  const chunks: Buffer[] = [];
  body.stream.on('data', (chunk: Buffer) => {
    onBytes(chunk.length);
    chunks.push(chunk);
  });
  body.stream.on('end', () => onEnd(body.isWhole() ? Buffer.concat(chunks) : undefined));
}

/** The answer as the guest may have it; undefined where it cannot be read. */
export function answerThrough(
  injection: Injection | undefined,
  fields: HeaderFields,
  body: Inlet,
  hasBody: boolean,
  onFail: (error: unknown) => void,
): Answered | undefined {
  if (injection === undefined) return { fields, body };
  const part = injection.answer(fields, hasBody);
  if (part === undefined) return undefined;
  const trailers = (): HeaderFields => injection.scrub(body.trailers());
  const { through = [], whole } = part;
  if (whole !== undefined) return { fields: part.fields, body, whole };
  const last = through.at(-1);
  if (last === undefined) return { fields: part.fields, body: { ...body, trailers } };
  // A body that was cut off must not look whole: its stream ends, and says so only when asked.
  pipeline([body.stream, ...through], (error) => {
    if (error) onFail(error);
  });
  return { fields: part.fields, body: { ...body, stream: last, trailers } };
}
