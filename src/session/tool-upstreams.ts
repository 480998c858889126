// The way to each tool server of a session: a machine of its own, or a connection to where it is.

import { createHash } from 'node:crypto';
import type { SecureContext } from 'node:tls';

import type { Credentials } from '../enforce/credential/credentials.ts';
import type { Budget } from '../enforce/egress/budget.ts';
import type { ProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import { createRemoteUpstream } from '../enforce/mcp/remote/remote.ts';
import { createStdioUpstream } from '../enforce/mcp/stdio/stdio.ts';
import type { Upstream } from '../enforce/mcp/upstream.ts';
import type { Point } from '../enforce/point.ts';
import type { EffectivePolicy, GrantedServer } from '../model/policy.ts';
import { canonicalJson } from '../policy/canonical.ts';
import { createDecider } from '../policy/decide.ts';
import { policyOfServer } from '../policy/server-policy.ts';
import type { ParentSession, SessionPlan } from './plan.ts';
import type { Session } from './session.ts';
import { createToolConsole } from './tool-console.ts';
import { serverMissing } from './tool-fault.ts';
import { type PreparedServer, prepareServer } from './tool-package.ts';
import { createRemoteDial } from './tool-remote.ts';
import { createToolServer } from './tool-server.ts';

export interface UpstreamOptions {
  plan: SessionPlan;
  /** the session that is served, as the parent of those that servers run in */
  own: Omit<ParentSession, 'depth' | 'counters' | 'injector'>;
  /** of the session that is served */
  directory: string;
  point: Pick<Point, 'append'>;
  credentials: Pick<Credentials, 'lend'> | undefined;
  proxies: ProxySettings;
  secureContext: SecureContext;
  start: (plan: SessionPlan) => Promise<Session>;
  /** asks registries what they vouch for */
  vouch: boolean;
}

export interface ServerWay {
  server: GrantedServer;
  upstream: Upstream;
  /** of a remote one: takes bytes of what the session may send out */
  spend?: Budget['spend'];
  /** of a local one */
  prepared?: PreparedServer;
  close(): Promise<void>;
}

export async function openUpstream(
  server: GrantedServer,
  options: UpstreamOptions,
): Promise<ServerWay> {
  return server.at.kind === 'remote'
    ? openRemote(server, server.at.url, options)
    : openLocal(server, server.at, options);
}

function openRemote(server: GrantedServer, url: string, options: UpstreamOptions): ServerWay {
  const { plan, proxies, secureContext, credentials } = options;
  const { id, credential } = server;
  const decide = createDecider(plan.policy);
  const upstream = createRemoteUpstream({
    url,
    secureContext,
    connect: createRemoteDial({ url, decide, proxies, secureContext }),
    ...(credential !== undefined && {
      authorize: async (headers) => {
        const token = await credentials?.lend(credential, { server: id, url });
        if (token === undefined) throw serverMissing(id, 'its credential cannot be had now');
        return [...headers, ['authorization', `Bearer ${token.reveal()}`]];
      },
    }),
  });
  const { budget } = options.own;
  return {
    server,
    upstream,
    spend: (bytes) => budget.spend(bytes),
    close: () => upstream.close(),
  };
}

async function openLocal(
  server: GrantedServer,
  at: Extract<GrantedServer['at'], { kind: 'local' }>,
  options: UpstreamOptions,
): Promise<ServerWay> {
  const { plan, point, vouch, own, start } = options;
  const { id } = server;
  const locked = plan.toolLock?.servers[id]?.packages;
  const prepared = await prepareServer(server, at, { plan, locked, vouch });
  const { command, environment, narrow } = prepared;
  const local = createToolServer({
    plan,
    own,
    server: id,
    policy: withDigest(narrow(policyOfServer(plan.policy, id))),
    command,
    environment,
    start,
    onEvent: ({ session, fault }) =>
      point.append(
        fault === undefined
          ? { type: 'outcome', surface: 'mcp', server: id, serverSession: session }
          : { type: 'alert', alert: 'mcp.server', server: id, detail: fault },
      ),
  });
  local.warm();
  const upstream = createStdioUpstream({
    spawn: local.spawn,
    onStderr: createToolConsole(options.directory, id),
    onGarbage: (lines) => point.append({ type: 'alert', alert: 'mcp.garbage', server: id, lines }),
  });
  return {
    server,
    upstream,
    prepared,
    close: async () => {
      await upstream.close();
      await local.close();
    },
  };
}

/** The policy of a machine of its own is another one than that of the session around it. */
function withDigest(policy: EffectivePolicy): EffectivePolicy {
  const { digest: _, ...rest } = policy;
  const digest = createHash('sha256').update(canonicalJson(rest)).digest('hex');
  return { ...rest, digest: `sha256:${digest}` };
}
