// A tool server that a ceiling keeps away, and that its policy calls required, is one that does not start: never a run without it that
// looks as if nothing were missing.

import type { Left } from '../enforce/mcp/left.ts';
import { matchesName } from '../match/path.ts';
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

/** Why a server that answers is as good as none: rules name tools of it, and there is nothing that they could be used for. */
export function nothingLeft(
  { layers }: EffectivePolicy,
  id: string,
  { allowedTools, tools, others }: Left,
): string | undefined {
  const isNamed = layers.some(({ mcp }) =>
    mcp.allow.some(
      (rule) =>
        (rule.tools?.length ?? 0) > 0 && rule.servers.some((pattern) => matchesName(pattern, id)),
    ),
  );
  if (!isNamed || tools > 0) return undefined;
  if (allowedTools > 0)
    return 'no tool is left that the policy allows: each is refused, or is not what was reviewed';
  return others > 0 ? undefined : 'it has no tool that the policy allows';
}
