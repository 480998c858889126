// Where placeholders stand in the head of a request.

import type { Found, Placeholders } from '../placeholder/placeholders.ts';
import type { Encoding } from '../placeholder/detect.ts';
import type { Part } from '../placeholder/shape.ts';
import { readBasic } from './basic.ts';

export interface Head {
  method: string;
  /** as the guest sent it, or the canonical path and query */
  target: string;
  /** `[name, value]`, names in lower case */
  fields: readonly (readonly [name: string, value: string])[];
}

export type Surface =
  'header' | 'basic' | 'path' | 'query' | 'cookie' | 'header-name' | 'method' | 'body';

export interface Place {
  surface: Surface;
  /** lower-case name, for all that stands in a header's value */
  header?: string;
  /** of another session; what follows is then absent */
  isForeign: boolean;
  credential?: string;
  part?: Part;
  encoding: Encoding;
}

/** Everywhere that a server reads a head. Costs one pass over its bytes. */
export function placesIn(head: Head, placeholders: Pick<Placeholders, 'find'>): Place[] {
  const find = (content: string, surface: Surface, header?: string): Place[] =>
    placeholders.find(content).map((found) => placeOf(found, surface, header));
  const { target } = head;
  const mark = target.indexOf('?');
  const pathEnd = mark < 0 ? target.length : mark;
  const places = [
    ...find(head.method, 'method'),
    ...find(target.slice(0, pathEnd), 'path'),
    ...find(target.slice(pathEnd), 'query'),
  ];
  for (const [name, value] of head.fields) {
    places.push(...find(name, 'header-name', name));
    const basic = readBasic(value);
    const read = find(value, name === 'cookie' ? 'cookie' : 'header', name);
    if (basic === undefined) {
      places.push(...read);
      continue;
    }
    places.push(...find(`${basic.user}:${basic.password}`, 'basic', name));
    // What base64 hides there is already told of.
    places.push(...read.filter(({ encoding }) => encoding.at(-1) !== 'base64'));
  }
  return places;
}

export function placeOf(found: Found, surface: Surface, header?: string): Place {
  const { encoding } = found;
  const where = header === undefined ? { surface } : { surface, header };
  if (found.kind === 'foreign') return { ...where, isForeign: true, encoding };
  const { credential, part } = found;
  return { ...where, isForeign: false, credential, part, encoding };
}
