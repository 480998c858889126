// What definitions are called by, and under which names a client sees the tools of several servers at once.

import { createHash } from 'node:crypto';

import type { Definition, DefinitionKind } from '../../../model/mcp.ts';

export const KINDS: readonly DefinitionKind[] = ['tool', 'prompt', 'resource', 'template'];

/** https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-names */
const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/;
/** Of prompts, where the protocol says nothing: one line that can be read. */
const PROMPT_NAME = /^[^\p{C}\p{Zl}\p{Zp}]{1,128}$/u;
const URI = /^[^\p{C}\p{Z}<>"\\^`]{1,2048}$/u;

/** What model interfaces take. */
export const LONGEST_SHOWN = 64;
export const SEPARATOR = '__';

/** Undefined where it has none. */
export function nameOf(kind: DefinitionKind, definition: Definition): string | undefined {
  const field = kind === 'resource' ? 'uri' : kind === 'template' ? 'uriTemplate' : 'name';
  const name = Object.hasOwn(definition, field) ? definition[field] : undefined;
  return typeof name === 'string' ? name : undefined;
}

export function isProperName(kind: DefinitionKind, name: string): boolean {
  if (kind === 'tool') return TOOL_NAME.test(name);
  return kind === 'prompt' ? PROMPT_NAME.test(name) : URI.test(name);
}

/**
 * `SERVER__TOOL`, cut where that is longer than clients take; what is cut off stays in a digest, so that two tools never become
 * one and a tool is called the same in every session.
 */
export function shownName(server: string, tool: string): string {
  const whole = `${server}${SEPARATOR}${tool}`;
  if (whole.length <= LONGEST_SHOWN) return whole;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  // Names of prompts hold characters of two units, and half of one is no text.
  const kept = whole.slice(0, LONGEST_SHOWN - digest.length - 1).replace(/[\ud800-\udbff]$/, '_');
  return `${kept}_${digest}`;
}
