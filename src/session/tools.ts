// The tool servers of one session, from its policy to the gateway that the agent speaks with.
// Invariants: the agent starts only when every server that is required has answered; no server outlives the session; the gateway is the
// only way to any of them.

import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';

import type { Credentials } from '../enforce/credential/credentials.ts';
import { createTrust } from '../enforce/egress/http/trust.ts';
import { createContent } from '../enforce/mcp/content/create-content.ts';
import { createGateway } from '../enforce/mcp/gateway.ts';
import type { Left } from '../enforce/mcp/left.ts';
import { createPins } from '../enforce/mcp/pins/create-pins.ts';
import type { Drift, Pins } from '../enforce/mcp/pins.ts';
import type { Point } from '../enforce/point.ts';
import { createQuotas } from '../enforce/quotas.ts';
import { createScanner } from '../enforce/scan/scanner.ts';
import { messageOf } from '../model/error.ts';
import type { GrantedServer } from '../model/policy.ts';
import type { Decider } from '../policy/decide.ts';
import { smallestEdit } from '../policy/edit.ts';
import { createTemplateJudge } from '../policy/mcp-templates.ts';
import { openUpstream, type ServerWay, type UpstreamOptions } from './tool-upstreams.ts';
import { serverMissing } from './tool-fault.ts';
import { nothingLeft } from './tool-required.ts';

/** in `ms`: a required server that has not answered by then is none */
const READY = 120_000;
/** that are told of: a server may differ without end */
const MOST_DRIFTS = 1000;

export interface OpenToolsOptions extends Omit<
  UpstreamOptions,
  'secureContext' | 'point' | 'credentials'
> {
  point: Point;
  credentials: Pick<Credentials, 'lend' | 'known'> | undefined;
  /** certificates in PEM, believed besides the host's */
  ca: readonly string[];
  decide: Decider;
  /** where the agent finds the gateway: values of Host, the first of which is ours */
  names: readonly [string, ...string[]];
  /** in the place of what was reviewed: for who reviews */
  pins?: Pins;
}

export interface Tools {
  /** A connection of the agent's to the gateway. */
  serve(stream: Duplex): void;
  bearer: string;
  /** ids and addresses, as the agent has them */
  servers: { id: string; url: string }[];
  base: string;
  ways: readonly ServerWay[];
  /** What is wrong with each server, once all have answered or failed to. */
  checkAll(): Promise<{ id: string; fault?: string }[]>;
  /** Resolves when every required server has answered; throws `MCP_SERVER_MISSING` for the first that has not. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export async function openTools(options: OpenToolsOptions): Promise<Tools> {
  const { plan, point, decide, names } = options;
  const { policy, onProgress } = plan;
  const { servers, secrets } = policy.mcp;
  const secureContext = createTrust(options.ca);
  const bearer = randomBytes(32).toString('base64url');
  const key = randomBytes(32);
  /** the first of each server: however much one differs, another's is not lost */
  const drifts = new Map<string, Drift>();
  const pins = watchPins(
    options.pins ?? createPins({ ...(plan.toolLock && { lock: plan.toolLock }) }),
    drifts,
    (drift) => {
      const { server, kind, name, change } = drift;
      point.append({ type: 'alert', alert: 'mcp.drift', server, kind, name, change });
    },
  );
  const ways = await openAll(servers, { ...options, secureContext });
  const gateway = createGateway({
    servers: ways.map(({ server: { id }, upstream, spend }) => ({
      id,
      upstream,
      ...(spend && { spend }),
    })),
    point,
    decide,
    // What no rule opens is let through in audit mode, so it is shown there.
    isTemplateOpen: policy.mode === 'audit' ? () => true : createTemplateJudge(policy),
    mode: policy.mode,
    quotas: createQuotas(),
    content: createContent({
      known: options.credentials?.known ?? createScanner(),
      // A changed argument would be another call than the one that was judged.
      secrets: { ...secrets, arguments: secrets.arguments === 'report' ? 'report' : 'block' },
      key,
    }),
    pins,
    bearer,
    names,
    digestKey: key,
    limits: { listing: READY },
    allowance: policy.mcp.limits,
    edit: (request, decision) => smallestEdit(policy, decision, request),
  });

  async function faultOf(id: string): Promise<{ fault: string | undefined; left?: Left }> {
    const { fault, isQuarantined, left } = await gateway.start(id);
    const unlike = isQuarantined ? 'it is not what was reviewed' : undefined;
    return { fault: fault ?? driftOf(id) ?? unlike, ...(left && { left }) };
  }

  async function check(server: GrantedServer): Promise<void> {
    const { fault: own, left } = await faultOf(server.id);
    const fault = own ?? (left && nothingLeft(policy, server.id, left));
    if (fault === undefined) return;
    point.append({ type: 'alert', alert: 'mcp.server', server: server.id, detail: fault });
    if (server.required) throw serverMissing(server.id, fault, options.directory);
    onProgress(`the tool server "${server.id}" cannot be used: ${fault}`);
  }

  /** Only with `--frozen` is what was reviewed a promise that must hold. */
  function driftOf(id: string): string | undefined {
    if (plan.frozenTools !== true) return undefined;
    if (!pins.isLocked(id)) return 'it is not in the lock file, and `--frozen` asks for that';
    const drift = drifts.get(id);
    return (
      drift && `it is not what the lock file says: ${drift.kind} ${drift.name} ${drift.change}`
    );
  }

  const base = `http://${names[0]}/mcp`;
  return {
    serve: (stream) => gateway.serve(stream),
    bearer,
    base,
    servers: servers.map(({ id }) => ({ id, url: `${base}/${id}` })),
    ways,
    checkAll: () =>
      Promise.all(
        servers.map(async ({ id }) => {
          const { fault } = await faultOf(id);
          return { id, ...(fault !== undefined && { fault }) };
        }),
      ),
    async ready() {
      const needed = servers.filter(({ required: isRequired }) => isRequired);
      for (const other of servers.filter((one) => !needed.includes(one)))
        void check(other).catch((error: unknown) => onProgress(messageOf(error)));
      await Promise.all(needed.map(check));
    },
    async close() {
      await gateway.close();
      await Promise.all(ways.map((way) => way.close()));
    },
  };
}

/** Tells of what is found to be different, once for each thing and change. */
function watchPins(pins: Pins, first: Map<string, Drift>, onDrift: (drift: Drift) => void): Pins {
  const told = new Set<string>();
  const tell = (drifts: Drift[]): Drift[] => {
    for (const drift of drifts) {
      if (!first.has(drift.server)) first.set(drift.server, drift);
      const key = JSON.stringify([drift.server, drift.kind, drift.name, drift.change]);
      if (told.has(key) || told.size > MOST_DRIFTS) continue;
      told.add(key);
      onDrift(drift);
    }
    return drifts;
  };
  return {
    ...pins,
    meet: (server, facts) => tell(pins.meet(server, facts)),
    compare: (server, kind, live) => tell(pins.compare(server, kind, live)),
  };
}

/** One that cannot even be prepared ends those that were. */
async function openAll(
  servers: readonly GrantedServer[],
  options: UpstreamOptions,
): Promise<ServerWay[]> {
  const opened = await Promise.allSettled(servers.map((server) => openUpstream(server, options)));
  const ways = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = opened.find((one) => one.status === 'rejected');
  if (failed === undefined) return ways;
  await Promise.allSettled(ways.map((way) => way.close()));
  throw failed.reason;
}
