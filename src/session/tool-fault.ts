// A tool server that cannot be used.

import { existsSync } from 'node:fs';

import { SandboxError } from '../model/error.ts';
import { toolConsoleFile } from './tool-console.ts';

/** `directory`: of the session, where what a local server wrote is kept. */
export function serverMissing(id: string, why: string, directory?: string): SandboxError {
  const written = directory === undefined ? undefined : toolConsoleFile(directory, id);
  const optional = 'mark it with `required: false` if a session may start without it';
  return new SandboxError({
    kind: 'upstream',
    code: 'MCP_SERVER_MISSING',
    message: `the tool server "${id}" cannot be used: ${why}`,
    hint:
      written === undefined || !existsSync(written)
        ? optional
        : `see what it wrote in ${written}; ${optional}`,
  });
}
