// Cleans every text of a message.

import type { Json } from '../../../model/credential.ts';
import type { Findings } from './findings.ts';
import { readLeaves, rewrite } from './leaves.ts';
import type { Leaves } from './leaves.ts';
import { cleanText } from './text.ts';

/** Undefined where two keys would become one. Without anything to clean it is the same message. */
export function cleanMessage(
  message: Json,
  leaves: Leaves,
  findings: Findings,
): { message: Json; leaves: Leaves } | undefined {
  if (!leaves.values.isSuspect() && !leaves.others.isSuspect()) return { message, leaves };
  const cleaned = rewrite(message, (leaf, text) => {
    const { text: clean, stripped } = cleanText(text);
    if (!findings.isFull)
      for (const detector of stripped) findings.add({ detector, place: leaves.place(leaf) });
    return clean;
  });
  return cleaned === undefined ? undefined : { message: cleaned, leaves: readLeaves(cleaned) };
}
