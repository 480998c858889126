// What all calls of tool servers of a session come to at most: of all layers and their ceilings the smallest number holds.
import type { McpLimits } from '../model/mcp.ts';
import type { Layer } from '../model/policy.ts';
import { parseDuration, parseSize } from './quantity.ts';
import type { Reporter } from './reporter.ts';
import { childOf, entryOf, numberOf, stringOf, type TextNode } from './yaml-text.ts';

const KEYS = ['calls', 'egress', 'ingress', 'timeout'] as const;

export function readMcpLimits(node: TextNode | undefined, report: Reporter): McpLimits {
  const limits: McpLimits = {};
  const calls = numberOf(childOf(node, 'calls'));
  if (calls !== undefined) limits.calls = calls;
  for (const key of ['egress', 'ingress', 'timeout'] as const) {
    const entry = entryOf(node, key);
    const text = stringOf(entry?.value);
    if (entry === undefined || text === undefined) continue;
    const value = key === 'timeout' ? parseDuration(text) : parseSize(text);
    if (value !== undefined && (key !== 'timeout' || value <= LONGEST)) limits[key] = value;
    else
      report.error(
        'value',
        entry.value.span,
        `\`mcp.limits.${key}\` may not be "${text}"`,
        value === undefined ? 'it must be more than nothing' : 'at most 24d',
      );
  }
  return limits;
}

/** in milliseconds: what a timer can wait for */
const LONGEST = 24 * 86_400_000;

export function smallestMcpLimits(layers: readonly Layer[]): McpLimits {
  const all = layers.flatMap(({ mcp, max }) => [mcp.limits, max?.mcp.limits ?? {}]);
  const smallest: McpLimits = {};
  for (const key of KEYS)
    for (const { [key]: value } of all)
      if (value !== undefined) smallest[key] = Math.min(value, smallest[key] ?? Infinity);
  return smallest;
}
