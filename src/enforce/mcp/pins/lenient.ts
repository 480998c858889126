// The option to let a server mend its descriptions: what only says the same in other words is news, and nothing more. What it is
// served by stays the reviewed text in any case.

import type { Json } from '../../../model/credential.ts';
import type { Definition } from '../../../model/mcp.ts';
import { canonicalJson } from '../../../policy/canonical.ts';
import { definitionFindings, isQuarantining } from '../content/definition.ts';
import { isObject } from '../content/shape.ts';

const URL = /[a-z][a-z0-9+.-]*:\/\/|www\.|\b[\w-]+\.(?:com|net|org|io|dev|app|test|ai|co)\b/gi;
/** Words by which a description gives orders. */
const ORDERS =
  /\b(?:always|must|never|before|first|instead|ignore|disregard|important|do not|don't|read|send|upload|include|pass|attach|call|use|execute|run|copy|append|forward|post)\b/gi;

/** Keywords under which values stand: what is called a description there describes nothing. */
const DATA = new Set(['default', 'const', 'enum', 'examples']);

/** Whether only descriptions differ, and the new ones bring no address, no order, no other tool and nothing suspicious. */
export function isMendedDescription(
  before: Definition,
  after: Definition,
  otherNames: Iterable<string>,
): boolean {
  if (canonicalJson(withoutDescriptions(before)) !== canonicalJson(withoutDescriptions(after)))
    return false;
  if (definitionFindings(after).some(isQuarantining)) return false;
  const [old, now] = [descriptions(before).join('\n'), descriptions(after).join('\n')];
  for (const pattern of [URL, ORDERS]) if (bringsNew(pattern, old, now)) return false;
  for (const name of otherNames) if (now.includes(name) && !old.includes(name)) return false;
  return true;
}

function bringsNew(pattern: RegExp, old: string, now: string): boolean {
  const count = (text: string): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const [word] of text.toLowerCase().matchAll(pattern))
      counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts;
  };
  const known = count(old);
  return [...count(now)].some(([word, times]) => times > (known.get(word) ?? 0));
}

function isDescription(key: string, value: Json | undefined): value is string {
  return key === 'description' && typeof value === 'string';
}

/** A property that is called `description` holds a schema, not a text. */
function withoutDescriptions(node: Json): Json {
  if (Array.isArray(node)) return node.map(withoutDescriptions);
  if (!isObject(node)) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      isDescription(key, value) ? '' : DATA.has(key) ? value : withoutDescriptions(value),
    ]),
  );
}

function descriptions(node: Json): string[] {
  if (Array.isArray(node)) return node.flatMap(descriptions);
  if (!isObject(node)) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    isDescription(key, value) ? [value] : DATA.has(key) ? [] : descriptions(value),
  );
}
