// An answer that holds a token of its own, with a placeholder in the token's place.

import { Transform } from 'node:stream';

import type { AnswerPart } from '../injection.ts';
import { MAX_SEALED_ANSWER } from './sealed.ts';
import type { Seals } from './sealed.ts';

export function sealAnswer(part: AnswerPart, owner: string, seals: Seals): AnswerPart {
  const { whole } = part;
  if (whole !== undefined)
    return {
      ...part,
      whole: (body) => {
        const sealed = seals.seal(owner, whole(body));
        if (sealed === undefined)
          throw new Error('the answer is not the JSON that could be sealed');
        return sealed;
      },
    };
  const chunks: Buffer[] = [];
  let size = 0;
  const sealing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      chunks.push(chunk);
      done(size > MAX_SEALED_ANSWER ? new Error('the answer is too long to be sealed') : undefined);
    },
    flush(done) {
      const sealed = seals.seal(owner, Buffer.concat(chunks));
      if (sealed === undefined) {
        done(new Error('the answer is not the JSON that could be sealed'));
        return;
      }
      this.push(sealed);
      done();
    },
  });
  return { ...part, through: [...(part.through ?? []), sealing] };
}
