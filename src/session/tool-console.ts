// What a tool server writes for people goes into a file of the session, so that a fault of it can be found.

import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

import { toVisible } from '../log/redact.ts';

/** bytes of all that is kept of one server */
const MOST = 1024 * 1024;

export const toolConsoleFile = (directory: string, server: string): string =>
  join(directory, `mcp-${server}.log`);

export function createToolConsole(directory: string, server: string): (text: string) => void {
  const file = toolConsoleFile(directory, server);
  let left = MOST;
  return (text) => {
    const lines = text
      .split('\n')
      .map((line) => toVisible(line).text)
      .join('\n')
      .slice(0, left);
    left -= lines.length;
    try {
      if (lines !== '') appendFileSync(file, lines, { mode: 0o600 });
    } catch {
      left = 0; // a full disk: what servers write for people is no reason to end
    }
  };
}
