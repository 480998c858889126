// What a provider is given, over the fakes.

import { createActionsIdentity } from '../../../src/identity/github-actions.ts';
import type { JsonObject } from '../../../src/model/credential.ts';
import type { MintContext } from '../../../src/provider/provider.ts';
import type { Cloud } from './cloud.ts';
import type { Oidc } from './oidc.ts';

export function mintContext(
  cloud: Cloud,
  oidc: Oidc | undefined,
  request: JsonObject,
  more: Partial<MintContext> = {},
): MintContext {
  const environment = { ...oidc?.environment, PATH: process.env['PATH'], ...more.environment };
  const now = more.now ?? Date.now;
  const identity = createActionsIdentity({ environment, get: cloud.http, now });
  return {
    request,
    idToken: identity.idToken,
    http: cloud.http,
    home: '/nonexistent',
    sessionName: 'session-1',
    now,
    signal: new AbortController().signal,
    ...more,
    environment,
  };
}

export async function faultOf(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  try {
    await work;
  } catch (error) {
    const { code } = error as { code: string };
    return { code, text: textOf(error) };
  }
  throw new Error('expected an error');
}

/** All that a person could be shown of an error. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fields = JSON.stringify({ ...error });
  return `${error.message} ${error.stack ?? ''} ${fields} ${textOf(error.cause ?? '')}`;
}
