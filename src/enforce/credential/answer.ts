// The answer to a request, without any secret that lives in this session: its headers, its body in whatever coding, its trailers.
// Invariant: what cannot be read does not pass from a host that a credential is bound to.

import type { AllowedRequest, AnswerPart, HeaderFields, Watch } from '../injection.ts';
import type { Notes } from './notes.ts';
import { createDecoder } from '../scan/decode.ts';
import type { Scanner } from '../scan/scanner.ts';
import { createScrubber, scrubText } from '../scan/scrub.ts';
import type { ScrubHit } from '../scan/scrub.ts';
import { scrubStream } from '../scan/scrub-stream.ts';

/** bytes of an answer that is held until all of it is there, so that the guest is told its length */
const SHORT = 64 * 1024;

/** After so long without a byte the beginning of what might be a value is let go, in `ms`. */
const PAUSE = 20;

export interface AnswerOptions {
  request: AllowedRequest;
  scanner: Scanner;
  notes: Notes;
  /** some credential is bound to the host */
  isBound: boolean;
}

export interface Answers {
  scrub: (fields: HeaderFields) => HeaderFields;
  answer: (fields: HeaderFields, hasBody: boolean) => AnswerPart | undefined;
  watch: Watch;
}

const withoutLength = (fields: HeaderFields): HeaderFields =>
  fields.filter(([name]) => name !== 'content-length');

function isShort(fields: HeaderFields): boolean {
  const lengths = fields.filter(([name]) => name === 'content-length');
  const [[, length = ''] = []] = lengths;
  return lengths.length === 1 && /^\d{1,5}$/.test(length) && Number(length) <= SHORT;
}

export function createAnswers({ request, scanner, notes, isBound }: AnswerOptions): Answers {
  const seen = new Set<string>();
  /** Once for each credential and form: what repeats says nothing new, and a server could make it repeat without end. */
  function note(hits: readonly ScrubHit[]): void {
    const fresh = hits.filter(({ credential, form }) => !seen.has(`${form} ${credential}`));
    for (const { credential, form } of fresh) seen.add(`${form} ${credential}`);
    if (fresh.length > 0) notes.reflected(request, fresh);
  }

  /** One look at all of them first: hardly any answer has anything in its headers. */
  function scrub(fields: HeaderFields): HeaderFields {
    const text = fields.map(([name, value]) => `${name}\n${value}`).join('\n');
    if (scrubText(scanner, text).hits.length === 0) return fields;
    return fields.map(([name, value]) => {
      const { text, hits } = scrubText(scanner, value);
      note(hits);
      return [scrubName(name), text];
    });
  }

  /** A header whose very name is a secret has no name left to stand under. */
  function scrubName(name: string): string {
    const { hits } = scrubText(scanner, name);
    note(hits);
    return hits.length === 0 ? name : 'x-agent-sandbox-removed';
  }

  function answer(fields: HeaderFields, hasBody: boolean): AnswerPart | undefined {
    const scrubbed = scrub(fields);
    if (!hasBody) return { fields: scrubbed };
    const coding = fields
      .filter(([name]) => name === 'content-encoding')
      .map(([, value]) => value)
      .join(',');
    const decoder = coding === '' ? undefined : createDecoder(coding);
    if (decoder === 'unknown' && isBound) return undefined;
    const isDecoded = decoder !== undefined && decoder !== 'unknown';
    if (decoder === undefined && isShort(fields))
      return { fields: withoutLength(scrubbed), whole: scrubWhole };
    // What is replaced has another length.
    const gone = ['content-length', ...(isDecoded ? ['content-encoding'] : [])];
    return {
      fields: scrubbed.filter(([name]) => !gone.includes(name)),
      through: [...(isDecoded ? [decoder] : []), scrubStream({ scanner, onHits: note })],
    };
  }

  function scrubWhole(body: Buffer): Buffer {
    const scrubber = createScrubber(scanner);
    const parts = [...scrubber.push(body), ...scrubber.end()];
    note(scrubber.hits());
    return Buffer.concat(parts);
  }

  const watch: Watch = (release) => {
    const scrubber = createScrubber(scanner);
    let timer: NodeJS.Timeout | undefined;
    const send = (all: readonly Buffer[]): void => all.forEach(release);
    return {
      push(chunk) {
        clearTimeout(timer);
        const passed = scrubber.push(chunk);
        const hits = scrubber.hits();
        note(hits);
        if (hits.length > 0) return false;
        send(passed);
        timer = setTimeout(() => send(scrubber.idle()), PAUSE);
        timer.unref();
        return true;
      },
      end() {
        clearTimeout(timer);
        send(scrubber.end());
      },
    };
  };

  return { scrub, answer, watch };
}
