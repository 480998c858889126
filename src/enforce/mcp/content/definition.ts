// Reads one definition of a server's: every text and every key in it, since a model reads the whole of it.

import type { Definition } from '../../../model/mcp.ts';
import type { Finding } from '../content.ts';
import { createFindings } from './findings.ts';
import type { Findings } from './findings.ts';
import { encodedTexts } from './encoded.ts';
import { definitionLimit } from './definition-limits.ts';
import { hasInstruction, hasLeetInstruction, hasRotatedInstruction } from './injection.ts';
import { readLeaves } from './leaves.ts';
import { hasMixedScripts } from './script.ts';
import { cleanText } from './text.ts';

/** What keeps a definition away from the agent until somebody has reviewed it. All others are for people to read. */
const QUARANTINING: ReadonlySet<string> = new Set([
  'injection',
  'imperative+path',
  'invisible-unicode',
  'terminal-escape',
  'control',
  'bidi',
  'hidden-text',
  'mixed-script-name',
]);

/** `limit:*` and what makes a definition one that may not be served at all are of this kind, too. */
export function isQuarantining({ detector }: Finding): boolean {
  return QUARANTINING.has(detector) || detector.startsWith('limit:');
}

/** Files that hold secrets, by the part of their names that says so. */
const SENSITIVE =
  /\.(?:ssh|aws|gnupg|kube|netrc|npmrc|pypirc|git-credentials|bash_history|zsh_history)\b|(?<![\w}\])])\.env\b|\bid_(?:rsa|ed25519|ecdsa|dsa)\b|\/etc\/(?:passwd|shadow|sudoers)|\/proc\/(?:self|\d+)\/environ|\bmcp\.json\b|\.(?:cursor|claude|codex|gemini)\/|\bauthorized_keys\b|\bcredentials\.json\b/gi;
const IMPERATIVE =
  /\b(?:read|open|cat|load|fetch|include|send|upload|attach|copy|pass|append|provide|submit|post|give|extract|print|paste|access|retrieve)\b/i;
/** characters before and behind a path in which the imperative stands */
const NEAR = 160;

export function definitionFindings(definition: Definition): Finding[] {
  const findings = createFindings();
  const limit = definitionLimit(definition);
  if (limit !== undefined) {
    // What is too large is not read: what it costs would be up to the server.
    findings.add({ detector: limit, place: '' });
    return findings.list();
  }
  const leaves = readLeaves(definition);
  for (const texts of [leaves.values, leaves.others])
    texts.starts.forEach((start, index) => {
      const text = texts.joined.slice(start, (texts.starts[index + 1] ?? Infinity) - 1);
      noteText(text, leaves.place(texts.leaves[index] ?? 0), findings);
    });
  if (typeof definition.name === 'string' && hasMixedScripts(definition.name))
    findings.add({ detector: 'mixed-script-name', place: 'name' });
  return findings.list();
}

/** One text of a server's, such as its instructions. */
export function textFindings(text: string, place: string): Finding[] {
  const findings = createFindings();
  noteText(text, place, findings);
  return findings.list();
}

function noteText(text: string, place: string, findings: Findings): void {
  const { stripped } = cleanText(text);
  for (const detector of stripped) findings.add({ detector, place });
  if (hasInstruction(text)) findings.add({ detector: 'injection', place });
  if (hasPathToRead(text)) findings.add({ detector: 'imperative+path', place });
  if (text.includes('<!--')) findings.add({ detector: 'hidden-text', place });
  if (hasRotatedInstruction(text)) findings.add({ detector: 'hidden-text', place });
  if (hasLeetInstruction(text)) findings.add({ detector: 'leet', place });
  for (const { text: plain, coding } of encodedTexts(text))
    if (isReadable(plain) && (hasInstruction(plain) || hasPathToRead(plain) || coding === 'base64'))
      findings.add({ detector: 'hidden-text', place });
}

function hasPathToRead(text: string): boolean {
  for (const { 0: path, index } of text.matchAll(SENSITIVE)) {
    const around = text.slice(Math.max(0, index - NEAR), index + path.length + NEAR);
    if (IMPERATIVE.test(around)) return true;
  }
  return false;
}

/** Words with spaces between: what base64 of anything but a text does not decode to. */
function isReadable(text: string): boolean {
  return text.length >= 16 && /^[\t\n\r\x20-\x7e]+$/.test(text) && /\w \w/.test(text);
}
