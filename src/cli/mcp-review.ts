// How findings and differences of tool servers are shown to a reviewer.

import type { PinFinding } from '../enforce/mcp/pins/lock-build.ts';
import type { Drift } from '../enforce/mcp/pins.ts';
import { toMessage } from '../log/redact.ts';
import { paint } from './output.ts';

const EFFECTS = {
  excluded: ['red', 'left out'],
  accept: ['yellow', 'left out until accepted'],
  note: ['dim', 'worth a look'],
} as const;

export function renderFinding({ server, kind, name, detector, place, effect }: PinFinding): string {
  const [style, words] = EFFECTS[effect];
  const what = `${kind} ${toMessage(`${server}/${name}`)}`;
  return `${paint(style, words)}  ${what}: ${toMessage(detector)} at ${toMessage(place)}`;
}

export function renderDrift({ server, kind, name, change, difference }: Drift): string {
  const head = `${paint('bold', change)}  ${kind} ${toMessage(`${server}/${name}`)}`;
  return [head, ...difference.map((line) => `  ${toMessage(line)}`)].join('\n');
}
