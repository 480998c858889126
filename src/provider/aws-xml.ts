// The XML that AWS STS answers with: nested elements and text. No attributes but `xmlns`, no comments, sections, doctypes or
// instructions, no element twice in its parent: what has any of those is not read.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
import type { JsonObject } from '../model/credential.ts';

const MAX_LENGTH = 64 * 1024;
const MAX_DEPTH = 8;
const OPEN = /<([A-Za-z][A-Za-z0-9]{0,63})(?: xmlns="[^"<&]{0,200}")?>/y;
const TEXT = /[^<]*/y;
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The root element as an object of one member: text for leaves, objects for the rest. Undefined for anything else. */
export function readXml(source: string): JsonObject | undefined {
  if (source.length > MAX_LENGTH) return undefined;
  const body = source
    .replace(/^\s*<\?xml version="1\.0"(?: encoding="[Uu][Tt][Ff]-8")?\?>/, '')
    .trim();
  let at = 0;

  function element(depth: number): [name: string, value: JsonObject | string] | undefined {
    OPEN.lastIndex = at;
    const name = OPEN.exec(body)?.[1];
    if (name === undefined || depth > MAX_DEPTH) return undefined;
    at = OPEN.lastIndex;
    const end = `</${name}>`;
    const children: JsonObject = Object.create(null) as JsonObject;
    let count = 0;
    for (;;) {
      TEXT.lastIndex = at;
      const raw = TEXT.exec(body)?.[0] ?? '';
      at += raw.length;
      const isEnd = body.startsWith(end, at);
      if (isEnd && count === 0) {
        at += end.length;
        const text = unescape(raw);
        return text === undefined ? undefined : [name, text];
      }
      if (raw.trim() !== '') return undefined;
      if (isEnd) {
        at += end.length;
        return [name, children];
      }
      const child = element(depth + 1);
      if (child === undefined || child[0] in children) return undefined;
      children[child[0]] = child[1];
      count++;
    }
  }

  const root = element(1);
  return root !== undefined && at === body.length ? { [root[0]]: root[1] } : undefined;
}

function unescape(raw: string): string | undefined {
  let isKnown = true;
  const text = raw.replace(/&([^;&]{0,8};?)/g, (_, name: string) => {
    const value = name.endsWith(';') ? ENTITIES[name.slice(0, -1)] : undefined;
    isKnown &&= value !== undefined;
    return value ?? '';
  });
  return isKnown ? text : undefined;
}
