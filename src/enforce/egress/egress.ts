// The egress enforcement point: what the guest asks of the network, by name or by address, at connection level.
// Invariant: nothing leaves the host for a request that was not allowed and recorded first.

import type { Duplex } from 'node:stream';

import type { EffectivePolicy } from '../../model/policy.ts';
import { createDecider } from '../../policy/decide.ts';
import type { Injector } from '../injection.ts';
import type { Point } from '../point.ts';
import { createAddressCheck } from './address-check.ts';
import { createBudget, type Budget } from './budget.ts';
import { createConnector } from './connect.ts';
import type { ConnectLimits } from './connect.ts';
import { createDatagrams, dialDatagrams } from './datagrams.ts';
import type { DialDatagrams } from './datagrams.ts';
import { dialAddress } from './dial.ts';
import type { Dial } from './dial.ts';
import type { HttpLimits } from './http/limits.ts';
import { createInspection } from './inspection.ts';
import { createPointJudge } from './judge.ts';
import { createBoundedLookup, lookupOnHost } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { createMeter } from './meter.ts';
import { PROXY_PORT, createNameAnswers } from './name-answers.ts';
import { createQuotas, type Quotas } from '../quotas.ts';
import { createRouter } from './route.ts';
import { PROXY_ADDRESS, createSyntheticAddresses } from './synthetic.ts';
import { createTargets } from './target.ts';
import type { Destination } from './target.ts';
import { NO_PROXIES } from './upstream-proxy/setting.ts';
import type { ProxySettings } from './upstream-proxy/setting.ts';

export interface EgressLimits extends ConnectLimits {
  /** milliseconds for the host's resolver */
  lookup: number;
  /** names that may have an address at once */
  names: number;
  /** milliseconds without a datagram in either direction, after which their flow ends */
  datagramIdle: number;
  /** bytes out; the policy's limit holds too */
  egress: number;
}

export interface EgressOptions {
  point: Point;
  policy: EffectivePolicy;
  /** the guest's own host name */
  guestName?: string;
  /** names of services that the session itself is to the guest, by address; whoever sets it serves them */
  ownNames?: ReadonlyMap<string, string>;
  /** of the session that asked for this one */
  outerBudget?: Budget;
  outerQuotas?: Quotas;
  lookup?: Lookup;
  dial?: Dial;
  dialDatagrams?: DialDatagrams;
  /** certificates in PEM, believed of the servers of inspected connections besides the host's */
  ca?: readonly string[];
  /** of the host; none when absent */
  proxies?: ProxySettings;
  /** puts credentials into requests */
  injector?: Injector;
  /** a fault of egress itself; the request it struck was denied */
  onFault: (reason: string) => void;
  limits?: Partial<EgressLimits>;
  httpLimits?: Partial<HttpLimits>;
}

export interface Egress {
  onDns(query: Buffer): Promise<Buffer>;
  onConnect(destination: Destination & { family?: number }, stream: Duplex): void;
  /** A flow of datagrams, framed as in `guest/datagrams.ts`. */
  onDatagrams(destination: Destination & { family?: number }, stream: Duplex): void;
  /** The certificate that the guest must trust; ask only where `needsInspection` says so: it makes the authority. */
  caPem(): Promise<string>;
  /** Resets what is open and refuses what comes. */
  close(): void;
  readonly budget: Budget;
  readonly quotas: Quotas;
  readonly bytesOut: number;
}

const DEFAULT_LIMITS: Omit<EgressLimits, 'egress'> = {
  connections: 2048,
  names: 131_069,
  lookup: 10_000,
  connect: 30_000,
  stagger: 250,
  hello: 10_000,
  idle: 3_600_000,
  halfClosedIdle: 300_000,
  datagramIdle: 60_000,
};

export function createEgress(options: EgressOptions): Egress {
  const { policy, onFault } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const decide = createDecider(policy);
  const quotas = createQuotas({ outer: options.outerQuotas });
  const judge = createPointJudge({
    point: options.point,
    decide: hasCounts(policy) ? decide : undefined,
    quotas,
  });
  const synthetic = createSyntheticAddresses(limits.names);
  const budget = createBudget(smaller(limits.egress, policy.limits.egress), options.outerBudget);
  const spend = createMeter({ budget, quotas, judge, isAudit: policy.mode === 'audit' });
  const answer = createNameAnswers({
    judge,
    synthetic,
    guestName: options.guestName?.toLowerCase(),
    ownNames: options.ownNames,
  });
  const inspection = createInspection({
    policy,
    judge,
    spend,
    ca: options.ca,
    limits: options.httpLimits ?? {},
    injector: options.injector,
  });
  const checkAddress = createAddressCheck(decide);
  const router = createRouter({
    judge,
    checkAddress,
    lookup: createBoundedLookup(options.lookup ?? lookupOnHost, limits.lookup),
    dial: options.dial ?? dialAddress,
    proxies: options.proxies ?? NO_PROXIES,
    deniesAddresses: deniesAddresses(policy),
    trust: () => inspection.trust(),
    limits,
  });
  const connector = createConnector({
    judge,
    synthetic,
    checkAddress,
    router,
    budget,
    spend,
    inspection,
    isBound: (host, port) => options.injector?.isBound(host, port) === true,
    limits,
    onFault,
  });
  const datagrams = createDatagrams({
    targets: createTargets(judge, synthetic),
    gate: connector,
    judge,
    spend,
    dial: options.dialDatagrams ?? dialDatagrams,
    idle: limits.datagramIdle,
    onFault,
  });
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- a fault must become a rejection, never an exception in the link
    onDns: async (query) => answer(query),
    onConnect: ({ address, port }, stream) => {
      if (address === PROXY_ADDRESS && port === PROXY_PORT)
        inspection.serveProxy(stream, connector);
      else connector.serve({ address, port }, stream);
    },
    onDatagrams: ({ address, port }, stream) => datagrams.serve({ address, port }, stream),
    caPem: () => inspection.caPem(),
    close: () => connector.close(),
    budget,
    quotas,
    get bytesOut() {
      return budget.spent();
    },
  };
}

/** Whether some rule counts what it allows, those of the policy around this one included. */
function hasCounts({ layers, within }: EffectivePolicy): boolean {
  return (
    layers
      .flatMap(({ network, max }) => [...network.allow, ...(max?.network.allow ?? [])])
      .some(({ limit, egress }) => limit !== undefined || egress !== undefined) ||
    (within !== undefined && hasCounts(within))
  );
}

/** Whether a policy file, or the session around this one, denies addresses; what the builtin layer denies, no file can say. */
function deniesAddresses({ layers, within }: EffectivePolicy): boolean {
  return (
    layers
      .filter((layer) => layer.name !== 'builtin')
      .flatMap((layer) => [...layer.network.deny, ...(layer.max?.network.deny ?? [])])
      .some((rule) => rule.cidrs.length > 0) ||
    (within !== undefined && deniesAddresses(within))
  );
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
