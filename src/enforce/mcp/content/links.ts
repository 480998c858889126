// Ways out that a result asks the client to take: images and links with data in them, and links to places no server speaks for.

import type { Json, JsonObject } from '../../../model/credential.ts';
import { isObject } from './shape.ts';

/** An image that a client which shows markdown or HTML fetches by itself, with a query to carry something. */
const IMAGE = /^!\[[^\]\n]{0,256}\]\(\s{0,8}<?https?:\/\/[^\s)>?]{1,1024}\?[^\s)>]/i;
const HTML_IMAGE = /<img\b[^<>]{0,512}?\bsrc\s{0,8}=\s{0,8}["']?https?:\/\/[^\s"'<>?]{1,1024}\?/i;
/** A link whose query has a place left for something, or is long. */
const LINK =
  /^\[[^\]\n]{0,256}\]\(\s{0,8}<?https?:\/\/[^\s)>?]{1,1024}\?[^\s)>]{0,1024}(?:\{[^}\n]{0,64}\}|\[[A-Z_ ]{3,64}\]|[^\s)>]{256})/;

/** Links of one message that are looked at: each is read for a bounded length. */
const MOST_LINKS = 2048;
const LONGEST_LINK = 2600;

/** Index of the first, or undefined. */
export function findExfiltration(text: string): number | undefined {
  const image = text.includes('<img') ? HTML_IMAGE.exec(text) : null;
  if (image !== null) return image.index;
  let at = text.indexOf('](');
  for (let count = 0; at >= 0 && count < MOST_LINKS; at = text.indexOf('](', at + 2), count++) {
    const start = Math.max(0, text.lastIndexOf('[', at));
    const from = text[start - 1] === '!' ? start - 1 : start;
    const link = text.slice(Math.max(from, at - 257), at + LONGEST_LINK);
    if (IMAGE.test(link) || LINK.test(link)) return from;
  }
  return undefined;
}

const ORDINARY = /^(?:https:|ui:|[a-z][a-z0-9.+-]*:\/\/)/i;
const ODD =
  /^(?:file|javascript|data|vbscript|http|ftp|blob|about|view-source|chrome|jar|smb|ldap|gopher|dict):/i;

/** Places, within the result, of links and embedded resources to files, scripts and unsafe addresses. */
export function oddLinks(result: JsonObject): string[] {
  const places: string[] = [];
  const look = (item: Json | undefined, place: string): void => {
    if (!isObject(item)) return;
    const uri = item.type === 'resource_link' ? item.uri : undefined;
    const embedded =
      item.type === 'resource' && isObject(item.resource) ? item.resource.uri : undefined;
    for (const one of [uri, embedded])
      if (typeof one === 'string' && (ODD.test(one) || !ORDINARY.test(one))) places.push(place);
  };
  if (Array.isArray(result.content))
    result.content.forEach((item, index) => look(item, `content[${index}]`));
  if (Array.isArray(result.messages))
    result.messages.forEach((message, index) => {
      if (!isObject(message)) return;
      const place = `messages[${index}].content`;
      if (Array.isArray(message.content))
        message.content.forEach((item, at) => look(item, `${place}[${at}]`));
      else look(message.content, place);
    });
  return places;
}
