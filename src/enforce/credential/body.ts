// The body of a request on its way out: no placeholder in it, in whatever coding, and what it was signed as.

import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';

import type { AllowedRequest, HeaderFields, InjectionRefusal } from '../injection.ts';
import type { Notes } from './notes.ts';
import type { Placeholders } from './placeholder/placeholders.ts';
import { readCodings } from '../scan/decode.ts';
import { BodyFault, guardBody } from './surface/guard-body.ts';

export interface BodyOptions {
  request: AllowedRequest;
  fields: HeaderFields;
  isBound: boolean;
  /** hex SHA-256 that the body must turn out to have; asked when it begins */
  expectedHash: () => string | undefined;
  notes: Notes;
  placeholders: Placeholders;
  onRefuse: (refusal: InjectionRefusal) => void;
}

const REASONS = {
  placeholder: 'its body holds a placeholder',
  coding: 'its body is in a coding that cannot be read here',
  undecodable: 'its body is not what its coding says',
  expansion: 'its body stands for more bytes than can be looked at',
} as const;

export function guardRequest(options: BodyOptions): Transform[] {
  const { request, notes, onRefuse } = options;
  const coding = codingOf(options);
  const guard = guardBody({
    placeholders: options.placeholders,
    ...(coding !== '' && { contentEncoding: coding }),
  });
  const refuse = (reason: string, isPlaceholder: boolean): void =>
    onRefuse(notes.refuse(request, isPlaceholder ? 'placeholder' : 'credential-body', reason));
  guard.on('error', (error) => {
    if (!(error instanceof BodyFault)) return;
    const isPlaceholder = error.reason === 'placeholder';
    if (isPlaceholder) {
      const isForeign = error.found.some(({ kind }) => kind === 'foreign');
      notes.alert(request, isForeign ? 'placeholder.foreign' : 'placeholder.misplaced', {});
    }
    refuse(REASONS[error.reason], isPlaceholder);
  });
  const expected = options.expectedHash();
  return expected === undefined
    ? [guard]
    : [guard, hashed(expected, () => refuse(MISMATCH, false))];
}

const MISMATCH = 'its body is not the one that was signed';

/**
 * Content-Encoding without what says nothing of the content: S3's framing of chunks. On hosts without a credential a coding
 * that is not known here is let be: what a placeholder could do there, it does not.
 */
function codingOf({ fields, isBound }: BodyOptions): string {
  const coding = fields
    .filter(([name]) => name === 'content-encoding')
    .flatMap(([, value]) => value.split(','))
    .map((one) => one.trim())
    .filter((one) => one.toLowerCase() !== 'aws-chunked')
    .join(',');
  const known = readCodings(coding);
  return isBound || (known !== undefined && known.length <= 1) ? coding : '';
}

/** The last bytes go out only once the whole is what was signed. */
function hashed(expected: string, onMismatch: () => void): Transform {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      if (held !== undefined) this.push(held);
      held = chunk;
      done();
    },
    flush(done) {
      if (hash.digest('hex') !== expected) {
        onMismatch();
        done(new Error('mismatch'));
        return;
      }
      if (held !== undefined) this.push(held);
      done();
    },
  });
}
