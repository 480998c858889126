// Names that are written with letters of more than one alphabet, so that they look like another name. https://www.unicode.org/reports/tr39/

import { foldedText } from './fold.ts';

const LATIN = /\p{sc=Latn}/u;
const OTHERS = /[\p{sc=Cyrl}\p{sc=Grek}\p{sc=Armn}\p{sc=Cher}\p{sc=Copt}\p{sc=Lisu}]/u;

/** Letters of an alphabet that is taken for Latin, beside Latin ones or all looking like Latin ones. */
export function hasMixedScripts(name: string): boolean {
  if (!OTHERS.test(name)) return false;
  const letters = Array.from(name).filter((character) => /\p{L}/u.test(character));
  return LATIN.test(name) || letters.every((letter) => foldedText(letter) !== '');
}

/** Names that look alike have equal ones: case, separators, and l, 1 and i, o and 0, rn and m, vv and w make no difference. */
export function skeletonOf(name: string): string {
  return foldedText(name.normalize('NFKC'))
    .replace(/[1i]/g, 'l')
    .replaceAll('0', 'o')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w');
}
