// Reads an entry's `request`. The policy's schema has checked it already; what would mean "everything" to a vendor is
// checked once more, where it is sent.

import type { JsonObject } from '../model/credential.ts';
import { requestFault } from './fault.ts';

export function askedText(request: JsonObject, name: string): string {
  const value = optionalText(request, name);
  if (value === undefined) throw requestFault(`expected a text in '${name}' of the request`);
  return value;
}

export function optionalText(request: JsonObject, name: string): string | undefined {
  const value = request[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw requestFault(`expected a text in '${name}' of the request`);
}

/** At least one text. */
export function askedTexts(request: JsonObject, name: string): string[] {
  const value = request[name];
  const texts = Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  if (!Array.isArray(value) || texts.length !== value.length || texts.includes(''))
    throw requestFault(`expected a list of texts in '${name}' of the request`);
  if (texts.length === 0)
    throw requestFault(
      `'${name}' of the request is empty`,
      'to the vendor nothing asked for would mean everything: name what is needed',
    );
  return texts;
}

/** A base URL, without slashes at its end. */
export function baseUrl(request: JsonObject, name: string, unlessSaid?: string): string {
  const value = optionalText(request, name) ?? unlessSaid;
  if (value === undefined) throw requestFault(`expected a URL in '${name}' of the request`);
  return value.replace(/\/+$/, '');
}
