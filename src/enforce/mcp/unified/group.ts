// A session of the legacy era with all servers at once. Invariant: what each server knows of it is a session of its own, begun when it is first
// needed, with no more of what the agent declared than its own rules open.

import type { JsonObject } from '../../../model/credential.ts';
import { failure } from '../exchange.ts';
import { clientOf, heardCapabilities, initialize, initialized } from '../handshake.ts';
import type { AgentStream } from '../http/answer.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { LEGACY_REVISIONS } from '../message/era.ts';
import { CODE, errorMessage, resultMessage } from '../message/error.ts';
import { type AgentRequest, isObject } from '../message/message.ts';
import { createSession, endSession, hasRoomForSession, IDLE_SESSION } from '../session.ts';
import type { AgentGroup, AgentSession, Core, Failure, ServerState } from '../state.ts';
import { ownGreeting } from './greeting.ts';
import { hearMember } from './news.ts';

export function groupOf(core: Core, id: string | undefined): AgentGroup | undefined {
  return id === undefined ? undefined : core.groups.get(id);
}

/** `initialize` of an agent: answered at once, whatever becomes of the servers. */
export function startGroup(
  core: Core,
  { id, params = {} }: AgentRequest,
  headers: RequestHeaders,
  stream: AgentStream,
): void {
  const { protocolVersion, capabilities, clientInfo } = params;
  const refuse = (status: number, code: number, message: string): void =>
    stream.last(errorMessage(id, { code, message }), { status });
  if (typeof protocolVersion !== 'string' || !isObject(capabilities))
    return refuse(
      200,
      CODE.params,
      'Invalid params: protocolVersion and capabilities are required',
    );
  if (headers.session !== undefined && groupOf(core, headers.session) === undefined)
    return refuse(404, CODE.request, 'Session not found');
  if (!hasRoomForGroup(core)) return refuse(429, CODE.limit, 'too many sessions');
  const latest = LEGACY_REVISIONS[LEGACY_REVISIONS.length - 1] ?? '';
  const group: AgentGroup = {
    id: core.random(16).toString('hex'),
    revision: LEGACY_REVISIONS.includes(protocolVersion) ? protocolVersion : latest,
    capabilities,
    client: isObject(clientInfo) ? clientInfo : undefined,
    lastUsed: core.now(),
    inFlight: new Set(),
    numbers: { asked: 0, event: 0 },
    members: new Map(),
    begun: new Map(),
    listening: new Set(),
  };
  core.groups.set(group.id, group);
  stream.setSession(group.id);
  stream.last(resultMessage(id, ownGreeting(core, group.revision)));
}

/** The session with this server, begun if there is none. */
export async function memberOf(
  core: Core,
  group: AgentGroup,
  server: ServerState,
): Promise<AgentSession | Failure> {
  const known = group.begun.get(server.id);
  if (known !== undefined && core.sessions.has(known.id)) {
    known.lastUsed = core.now();
    return known;
  }
  // Ended by the server, or by the gateway for want of room: the next need begins a new one.
  if (known !== undefined) group.begun.delete(server.id);
  let beginning = group.members.get(server.id);
  if (beginning === undefined) {
    beginning = begin(core, group, server).finally(() => group.members.delete(server.id));
    group.members.set(server.id, beginning);
  }
  return beginning;
}

async function begin(
  core: Core,
  group: AgentGroup,
  server: ServerState,
): Promise<AgentSession | Failure> {
  if (!hasRoomForSession(core)) return failure('too many sessions');
  const session = createSession(core, server, group.numbers);
  session.capabilities = heardCapabilities(core, server.id, group.capabilities);
  const { fault } = await initialize(core, session.channel, {
    revision: group.revision,
    capabilities: session.capabilities,
    client: clientOf(core, server, group.client),
  });
  const isLate = !core.groups.has(group.id);
  if (fault !== undefined || isLate) {
    endSession(core, session);
    return fault ?? failure('the session has ended');
  }
  session.isInitialized = true;
  await initialized(session.channel);
  group.begun.set(server.id, session);
  for (const stream of group.listening) hearMember(core, session, stream);
  return session;
}

/** The agent or the gateway ends it. */
export function endGroup(core: Core, group: AgentGroup): void {
  core.groups.delete(group.id);
  for (const session of group.begun.values()) endSession(core, session);
  for (const stream of group.listening) stream.end(200);
}

/** What all members of it have under way. */
export function exchangesOf(group: AgentGroup): AgentSession['exchanges'][] {
  return [...group.begun.values()].map(({ exchanges }) => exchanges);
}

function hasRoomForGroup(core: Core): boolean {
  if (core.groups.size < core.limits.sessions) return true;
  const since = core.now() - IDLE_SESSION;
  for (const group of core.groups.values()) {
    const isIdle = group.listening.size === 0 && exchangesOf(group).every(({ size }) => size === 0);
    if (group.lastUsed >= since || !isIdle || group.members.size > 0) continue;
    endGroup(core, group);
    return true;
  }
  return false;
}

/** What the agent tells of itself later on, to every server that it concerns. */
export function tellMembers(
  group: AgentGroup,
  message: JsonObject,
  isMeant: (session: AgentSession) => boolean,
): void {
  for (const session of group.begun.values()) if (isMeant(session)) void session.tell(message);
}
