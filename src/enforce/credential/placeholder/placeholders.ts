// The placeholders of one session: what the guest holds in place of secrets. Invariant: one placeholder for each credential,
// part and shape; what looks like one and is not is another session's.

import { detect } from './detect.ts';
import type { Encoding } from './detect.ts';
import { MARKER, RANDOM_BYTES, bodyOf, partOf, textOf } from './shape.ts';
import type { Part, Shape } from './shape.ts';

export interface OwnPlaceholder {
  kind: 'own';
  credential: string;
  part: Part;
  /** as it was handed out */
  text: string;
}

/** Of another session: whoever holds it has it from there. */
export interface ForeignPlaceholder {
  kind: 'foreign';
}

export type Placeholder = OwnPlaceholder | ForeignPlaceholder;

export type Found = Placeholder & { encoding: Encoding };

export interface Placeholders {
  /** `part`: when it is not the one that the shape is for, such as the password of a pair */
  issue(credential: string, shape: Shape, part?: Part): string;
  /** What a text is as a whole, to the letter; `none` for one that only holds a placeholder. */
  classify(text: string): Placeholder | { kind: 'none' };
  /** What placeholders stand in a text or in bytes, however written; the random part must be there whole. */
  find(content: string | Uint8Array): Found[];
  /** The same, and whether the bytes end within what may become one. */
  examine(bytes: Uint8Array): { found: Found[]; isOpen: boolean };
}

/** `random`: that many bytes nobody can guess. */
export function createPlaceholders(random: (bytes: number) => Uint8Array): Placeholders {
  const byUse = new Map<string, OwnPlaceholder>();
  const byText = new Map<string, OwnPlaceholder>();
  const byBody = new Map<string, OwnPlaceholder>();

  function examine(bytes: Uint8Array): { found: Found[]; isOpen: boolean } {
    const { sightings, isOpen } = detect(bytes);
    const found: Found[] = [];
    for (const { body, isUniform, encoding } of sightings) {
      const own = byBody.get(body);
      if (own !== undefined) found.push({ ...own, encoding });
      else if (isUniform) found.push({ kind: 'foreign', encoding });
    }
    return { found, isOpen };
  }

  return {
    issue: (credential, shape, part = partOf(shape)) => {
      const use = JSON.stringify([credential, shape, part]);
      const known = byUse.get(use);
      if (known !== undefined) return known.text;
      const body = bodyOf(random(RANDOM_BYTES));
      const text = textOf(shape, body);
      const own: OwnPlaceholder = { kind: 'own', credential, part, text };
      byUse.set(use, own);
      byText.set(text, own);
      byBody.set(body, own);
      return text;
    },
    classify: (text) => byText.get(text) ?? classifyForeign(text, byBody),
    find: (content) => examine(typeof content === 'string' ? Buffer.from(content) : content).found,
    examine,
  };
}

/** The forms that `shape.ts` makes, with any prefix and ending. */
const FORM = new RegExp(`(?:${MARKER}[a-z2-7]{32}|${MARKER.toUpperCase()}[A-Z2-7]{32})(?:AAAA)?$`);

function classifyForeign(
  text: string,
  byBody: ReadonlyMap<string, unknown>,
): ForeignPlaceholder | { kind: 'none' } {
  const body = FORM.exec(text.slice(-(36 + 4)))?.[0]
    .slice(0, 36)
    .toLowerCase();
  return body === undefined || byBody.has(body) ? { kind: 'none' } : { kind: 'foreign' };
}
