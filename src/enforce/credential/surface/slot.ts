// The one placeholder of a header's value, and the value with the secret in its place. Invariant: a secret goes exactly where
// the whole of its placeholder stood by itself, in one of the forms named here; anything else is refused, nothing is guessed.

import type { Secret } from '../../../model/secret.ts';
import type { OwnPlaceholder, Placeholders } from '../placeholder/placeholders.ts';
import type { Part } from '../placeholder/shape.ts';
import { readBasic, writeBasic } from './basic.ts';

/** Where in the value: alone (`x-api-key: PH`), behind a scheme (`Bearer PH`, `token PH`), or in a pair of Basic. */
export type SlotForm = 'bare' | 'bearer' | 'token' | 'basic-user' | 'basic-password';

export interface Slot {
  kind: 'slot';
  form: SlotForm;
  credential: string;
  part: Part;
  /** The header's new value; undefined for a secret that such a value cannot hold, or would not hold as one piece. */
  fill: (secret: Secret) => string | undefined;
}

export interface RefusedValue {
  kind: 'refused';
  /** `misplaced`: glued to other text, doubly encoded, in a scheme that is not known */
  reason: 'foreign' | 'several' | 'misplaced';
  /** the session's own that stand in it */
  credentials: string[];
}

export type ReadValue = Slot | RefusedValue | { kind: 'none' };

const SCHEME = /^(Bearer|token) (.+)$/i;
/** what a value may hold without changing how it is read (RFC 9110 §5.5), and no space at its ends */
const FIT = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const CONTROL = /[\x00-\x1f\x7f]/;

export function readValue(value: string, placeholders: Placeholders): ReadValue {
  const found = placeholders.find(value);
  const basic = readBasic(value);
  if (basic !== undefined) found.push(...placeholders.find(`${basic.user}:${basic.password}`));
  if (found.length === 0) return { kind: 'none' };
  const own = found.filter((one) => one.kind === 'own');
  const refuse = (reason: RefusedValue['reason']): RefusedValue => ({
    kind: 'refused',
    reason,
    credentials: [...new Set(own.map(({ credential }) => credential))],
  });
  if (own.length < found.length) return refuse('foreign');
  if (new Set(own.map(({ text }) => text)).size > 1) return refuse('several');
  const slot = basic === undefined ? readPlain(value, placeholders) : readPair(basic, placeholders);
  return slot ?? refuse('misplaced');
}

function readPlain(value: string, placeholders: Placeholders): Slot | undefined {
  const scheme = SCHEME.exec(value);
  const own = placeholders.classify(scheme?.[2] ?? value);
  if (own.kind !== 'own') return undefined;
  const head = scheme === null ? '' : `${scheme[1]} `;
  const form = scheme === null ? 'bare' : readScheme(scheme[1] ?? '');
  return slotOf(own, form, (text) => (FIT.test(text) ? head + text : undefined));
}

function readScheme(scheme: string): 'bearer' | 'token' {
  return scheme.toLowerCase() === 'bearer' ? 'bearer' : 'token';
}

function readPair(
  { user, password, isCanonical }: { user: string; password: string; isCanonical: boolean },
  placeholders: Placeholders,
): Slot | undefined {
  if (!isCanonical || CONTROL.test(user + password)) return undefined;
  const [asUser, asPassword] = [placeholders.classify(user), placeholders.classify(password)];
  if (asUser.kind === 'own')
    // The same placeholder in both would be two places.
    return placeholders.find(password).length > 0
      ? undefined
      : slotOf(asUser, 'basic-user', (text) =>
          text.includes(':') || CONTROL.test(text) ? undefined : writeBasic(text, password),
        );
  if (asPassword.kind !== 'own' || placeholders.find(user).length > 0) return undefined;
  return slotOf(asPassword, 'basic-password', (text) =>
    CONTROL.test(text) ? undefined : writeBasic(user, text),
  );
}

function slotOf(
  { credential, part }: OwnPlaceholder,
  form: SlotForm,
  write: (text: string) => string | undefined,
): Slot {
  const fill = (secret: Secret): string | undefined => {
    const text = secret.reveal();
    return text === '' ? undefined : write(text);
  };
  return { kind: 'slot', form, credential, part, fill };
}
