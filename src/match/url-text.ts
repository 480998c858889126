// URLs inside texts: which host they surely lead to, whoever reads them.
import { canonicalName } from './host.ts';

const MAX_URL_TEXT = 8192;
/** Scheme, authority of plain ASCII without credentials, and a rest that no reader takes for part of the authority. */
const PLAIN =
  /^https?:\/\/([A-Za-z0-9._-]{1,255})(?::[0-9]{0,5})?(?:[/?#][^\\\s\u0000-\u001f\u007f-\u009f]*)?$/i;

/** The canonical name of the host of an http or https URL; undefined for what is none, or could be read as another. */
export function hostOfUrl(text: string): string | undefined {
  if (text.length > MAX_URL_TEXT) return undefined;
  const [, authority] = PLAIN.exec(text) ?? [];
  if (authority === undefined) return undefined;
  const name = canonicalName(authority);
  if (name === undefined) return undefined;
  try {
    const { hostname, username, password } = new URL(text);
    const same = canonicalName(hostname) === name && username === '' && password === '';
    return same ? name : undefined;
  } catch {
    return undefined; // no URL by the URL standard: nothing surely leads there
  }
}
