// Contents under test, with one live value.
import { createScanner } from '../../../../src/enforce/scan/scanner.ts';
import { createContent } from '../../../../src/enforce/mcp/content/create-content.ts';
import type { ContentOptions } from '../../../../src/enforce/mcp/content/create-content.ts';
import type { Content, Finding } from '../../../../src/enforce/mcp/content.ts';
import type { Json } from '../../../../src/model/credential.ts';
import { Secret } from '../../../../src/model/secret.ts';

export const CANARY = 'CANARY-7f3a9c51e2b84d06';
export const KEY = Buffer.alloc(32, 7);

export interface Rig {
  content: Content;
  /** milliseconds */
  clock: { now: number };
}

export function rig(
  options: Partial<ContentOptions> = {},
  values: readonly string[] = [CANARY],
): Rig {
  const scanner = createScanner();
  values.forEach((value, index) =>
    scanner.add({ credential: `c${index}`, secret: new Secret(value), replacement: 'PLACEHOLDER' }),
  );
  const clock = { now: 1_000_000 };
  const content = createContent({
    known: scanner,
    secrets: { arguments: 'block', results: 'redact' },
    key: KEY,
    now: () => clock.now,
    ...options,
  });
  return { content, clock };
}

export function detectors(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ detector }) => detector))].sort();
}

export function textResult(...texts: string[]): { content: Json[] } {
  return { content: texts.map((text) => ({ type: 'text', text })) };
}
