// The egress enforcement point: what the guest asks of the network, by name or by address, at connection level.
// Invariant: nothing leaves the host for a request that was not allowed and recorded first.

import type { Duplex } from 'node:stream';

import type { EffectivePolicy } from '../../model/policy.ts';
import { createDecider } from '../../policy/decide.ts';
import type { Point } from '../point.ts';
import { createAddressCheck } from './address-check.ts';
import { createBudget, type Budget } from './budget.ts';
import { createConnector } from './connect.ts';
import type { ConnectLimits, Destination } from './connect.ts';
import { dialAddress } from './dial.ts';
import type { Dial } from './dial.ts';
import { createPointJudge } from './judge.ts';
import { createBoundedLookup, lookupOnHost } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { createNameAnswers } from './name-answers.ts';
import { createSyntheticAddresses } from './synthetic.ts';

export interface EgressLimits extends ConnectLimits {
  /** milliseconds for the host's resolver */
  lookup: number;
  /** names that may have an address at once */
  names: number;
  /** bytes out; the policy's limit holds too */
  egress: number;
}

export interface EgressOptions {
  point: Point;
  policy: EffectivePolicy;
  /** the guest's own host name */
  guestName?: string;
  /** of the session that asked for this one */
  outerBudget?: Budget;
  lookup?: Lookup;
  dial?: Dial;
  /** a fault of egress itself; the request it struck was denied */
  onFault: (reason: string) => void;
  limits?: Partial<EgressLimits>;
}

export interface Egress {
  onDns(query: Buffer): Promise<Buffer>;
  onConnect(destination: Destination & { family?: number }, stream: Duplex): void;
  /** Resets what is open and refuses what comes. */
  close(): void;
  readonly budget: Budget;
  readonly bytesOut: number;
}

const DEFAULT_LIMITS: Omit<EgressLimits, 'egress'> = {
  connections: 512,
  names: 131_070,
  lookup: 10_000,
  connect: 30_000,
  stagger: 250,
  hello: 10_000,
  idle: 3_600_000,
  halfClosedIdle: 300_000,
};

export function createEgress(options: EgressOptions): Egress {
  const { policy, onFault } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const judge = createPointJudge(options.point);
  const synthetic = createSyntheticAddresses(limits.names);
  const budget = createBudget(smaller(limits.egress, policy.limits.egress), options.outerBudget);
  const answer = createNameAnswers({
    judge,
    synthetic,
    guestName: options.guestName?.toLowerCase(),
  });
  const connector = createConnector({
    judge,
    synthetic,
    checkAddress: createAddressCheck(createDecider(policy)),
    lookup: createBoundedLookup(options.lookup ?? lookupOnHost, limits.lookup),
    dial: options.dial ?? dialAddress,
    budget,
    limits,
    onFault,
  });
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- a fault must become a rejection, never an exception in the link
    onDns: async (query) => answer(query),
    onConnect: ({ address, port }, stream) => connector.serve({ address, port }, stream),
    close: () => connector.close(),
    budget,
    get bytesOut() {
      return budget.spent();
    },
  };
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
