// What the host runs and reads for a credential lies where the guest cannot write: else the guest would choose what the host
// runs. Started through npx or a script of npm, PATH begins with a folder of the workspace.

import { realpathSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

import type { JsonObject } from '../model/credential.ts';
import { SandboxError } from '../model/error.ts';
import type { Decider } from '../policy/decide.ts';

export type MayWrite = (path: string) => boolean;

/** Whether the policy lets the guest change the host's own file there. */
export function mayWriteBy(decide: Decider): MayWrite {
  return (path) => {
    const { effect, isPrivate } = decide({ kind: 'write', path });
    return effect === 'allow' && !isPrivate;
  };
}

const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';

/** The folders of PATH that are there and out of the guest's reach; those of the system where there are none. */
export function pathOutOfReach(path: string | undefined, mayWrite: MayWrite): string {
  const kept = (path ?? '').split(':').filter((folder) => {
    if (!isAbsolute(folder)) return false;
    const real = realOf(folder);
    return real !== undefined && ![folder, real].some((one) => mayWrite(join(one, 'x')));
  });
  return kept.length === 0 ? SYSTEM_PATH : kept.join(':');
}

/** Throws where a file or a program of the request is one that the guest may write. */
export function assertOutOfReach(request: JsonObject, home: string, mayWrite: MayWrite): void {
  const key = request['key'];
  const from = typeof key === 'object' && key !== null && !Array.isArray(key) ? key : {};
  const named = [request['command'], request['path'], from['command'], from['file']].flat();
  for (const text of named) {
    if (typeof text !== 'string') continue;
    const path = text.startsWith('~/') ? join(home, text.slice(2)) : text;
    if (!isAbsolute(path)) continue;
    const real = realOf(path);
    if (!mayWrite(join(path)) && (real === undefined || !mayWrite(real))) continue;
    throw new SandboxError({
      kind: 'policy',
      code: 'CREDENTIAL_IN_REACH',
      message: `nothing is minted with '${path}', which the guest may write`,
      hint: 'keep it outside of the workspace',
    });
  }
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // It is not there: reading or running it says so.
  }
}
