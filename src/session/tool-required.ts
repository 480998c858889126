// A tool server that a ceiling keeps away, and that its policy calls required, is one that does not start: never a run without it that
// looks as if nothing were missing.

import type { EffectivePolicy } from '../model/policy.ts';
import { serverMissing } from './tool-fault.ts';

/** Throws `MCP_SERVER_MISSING`. */
export function assertRequired({ layers, mcp, clamps }: EffectivePolicy): void {
  for (const layer of layers)
    for (const { id, file, place, required } of layer.mcp.servers) {
      const isGranted = mcp.servers.some((one) => one.id === id && one.file === file);
      if (!required || isGranted) continue;
      const why = clamps.find(({ rule }) => rule.place === place && rule.file === file)?.message;
      throw serverMissing(id, why ?? 'a layer above does not allow it');
    }
}
