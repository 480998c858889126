// The digest of a definition: over all of its fields, in whatever order they came.

import { createHash } from 'node:crypto';

import { canonicalJson } from '../../../policy/canonical.ts';
import type { Definition } from '../../../model/mcp.ts';

export function digestOf(definition: Definition): string {
  return `sha256:${createHash('sha256').update(canonicalJson(definition)).digest('hex')}`;
}
