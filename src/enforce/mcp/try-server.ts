// Whether a server answers, and what it offers: asked before a session begins, and when its definitions are to be reviewed.

import type { DefinitionKind } from '../../model/mcp.ts';
import {
  discover,
  initialize,
  initialized,
  legacyChannel,
  modernChannel,
  OWN_NAME,
} from './handshake.ts';
import { type Left, leftOf } from './left.ts';
import { refresh } from './lists.ts';
import { MODERN_REVISIONS } from './message/era.ts';
import type { Channel, Core, ServerState } from './state.ts';

export interface ServerStatus {
  server: string;
  /** undefined where it does not answer as a server must */
  era?: 'legacy' | 'modern';
  revision?: string;
  /** capabilities or instructions are not what was reviewed: nothing of it is served */
  isQuarantined: boolean;
  /** what an agent can use of it; undefined where its lists could not be asked for */
  left?: Left;
  /** why it cannot be used, for people; holds nothing that the server said */
  fault?: string;
}

/** in milliseconds */
const END_TIME = 5000;
const KINDS: readonly DefinitionKind[] = ['tool', 'prompt', 'resource', 'template'];

/** Tries the modern era first, which a legacy server answers with an error; then reads all lists. */
export async function tryServer(core: Core, server: ServerState): Promise<ServerStatus> {
  const [revision = ''] = MODERN_REVISIONS;
  const modern = modernChannel(server, revision);
  const first = await discover(core, modern);
  const isModern = first.fault === undefined;
  const channel: Channel = isModern ? modern : legacyChannel(server);
  if (!isModern) {
    const { fault } = await initialize(core, channel, {
      revision: channel.revision,
      capabilities: {},
      client: OWN_NAME,
    });
    if (fault !== undefined) {
      await endUpstream(channel);
      return {
        server: server.id,
        isQuarantined: false,
        fault: fault.isOurs === true ? fault.error.message : 'the tool server refuses to begin',
      };
    }
    await initialized(channel);
  }
  const faults: string[] = [];
  for (const kind of KINDS) {
    const fault = await refresh(core, channel, kind);
    if (fault !== undefined)
      faults.push(
        fault.isOurs === true ? fault.error.message : `the tool server does not list its ${kind}s`,
      );
  }
  // One that offers nothing serves nobody: whoever needs it must not go without it unnoticed.
  if (faults.length === 0 && KINDS.every((kind) => server.lists[kind].live.size === 0))
    faults.push('the tool server offers nothing');
  await endUpstream(channel);
  return {
    server: server.id,
    era: channel.era,
    revision: channel.revision,
    isQuarantined: server.isQuarantined,
    left: leftOf(core, server),
    ...(faults[0] !== undefined && { fault: faults[0] }),
  };
}

async function endUpstream({ server, session, revision }: Channel): Promise<void> {
  if (session === undefined) return;
  // A server that does not answer this must not keep a session from beginning.
  const signal = AbortSignal.timeout(END_TIME);
  const headers = [['mcp-protocol-version', revision]] as const;
  await server.upstream.end({ session, headers, signal }).catch(() => undefined);
}
