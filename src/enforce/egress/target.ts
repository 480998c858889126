// Who is meant: what the guest dialled or named, tied to a name or found to be an address.
// Invariant: what can mean nothing is refused on record; a name of the sandbox's own never leaves it.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { parseAddress } from '../../match/address.ts';
import { RESERVED_REASON, canonicalName, isReservedName } from '../../match/host.ts';
import type { Decision, RuleLimit } from '../../model/decision.ts';
import type { Request } from '../../model/request.ts';
import { canonicalAddress } from './canonical.ts';
import type { CheckId, Judge } from './judge.ts';
import { isSynthetic } from './synthetic.ts';
import type { SyntheticAddresses } from './synthetic.ts';

/** What the guest dialled, as it says. */
export interface Destination {
  address: string;
  port: number;
}

export interface Target {
  host: string;
  port: number;
  isName: boolean;
  request: Extract<Request, { kind: 'connect' }>;
}

/** A target that may be connected to. */
export interface Admitted extends Target {
  /** a rule allows it: what audit mode lets through is not */
  isAllowed: boolean;
  /** the rules that count its bytes */
  limits: readonly RuleLimit[];
  /** the host's proxy in the way, fit for records */
  viaProxy?: string;
}

/** Why a connection may not be. */
export interface Refused {
  reason: string;
  check?: CheckId;
  decision?: Decision;
}

/** Told once, before anything is sent; without a request where the destination means nothing. */
export type Answer = (refused: Refused | undefined, request?: Target['request']) => void;

/** A destination that was decided, for whoever speaks to it in the guest's place. */
export interface Way {
  target: Admitted;
  /** whether every request must be judged, too */
  how: 'relayed' | 'inspected';
  /** Connects to a checked address of it. */
  dial: () => Promise<Socket>;
}

/** Opens connections for clients that say in words where they want to go. */
export interface Opener {
  open(name: string, port: number, stream: Duplex, answer: Answer): void;
  /** `isHeld`: the guest's connection counts already; `abort` ends what is begun by `dial`. */
  reach(
    name: string,
    port: number,
    options: { isHeld: boolean; abort: AbortController },
  ): Way | { refused: Refused; request?: Target['request'] };
  /** Counts the guest's connection among those that are open; aborted when egress closes. Returns what lets it go. */
  hold(abort: AbortController): () => void;
}

export interface Targets {
  /** undefined, and on record, when it can mean nothing */
  of(destination: Destination, protocol?: 'udp'): Target | undefined;
  /** The same for a destination in words: a name, or an address. */
  named(name: string, port: number): Target | undefined;
}

export function createTargets(judge: Judge, synthetic: SyntheticAddresses): Targets {
  function of({ address, port }: Destination, protocol?: 'udp'): Target | undefined {
    const canonical = canonicalAddress(address);
    const host =
      canonical === undefined
        ? undefined
        : isSynthetic(canonical)
          ? synthetic.nameOf(canonical)
          : canonical;
    const request: Target['request'] = {
      kind: 'connect',
      host: host ?? canonical ?? 'invalid',
      port,
      ...(protocol === undefined ? {} : { protocol }),
    };
    if (canonical === undefined || !isPort(port)) {
      judge.refuse(
        { ...request, port: 0 },
        'egress-address',
        'this is no address and port that a connection could go to',
      );
      return undefined;
    }
    if (host === undefined) {
      judge.refuse(
        request,
        'egress-synthetic',
        `${canonical} was never given out as the address of a name`,
      );
      return undefined;
    }
    return { host, port, isName: host !== canonical, request };
  }

  function named(name: string, port: number): Target | undefined {
    if (parseAddress(name) !== undefined) return of({ address: name, port });
    const host = canonicalName(name);
    if (host === undefined || !isPort(port)) {
      judge.refuse(
        { kind: 'connect', host: 'invalid', port: 0 },
        'egress-name',
        'this is no host name and port that a connection could go to',
      );
      return undefined;
    }
    const request = { kind: 'connect', host, port } as const;
    if (!isReservedName(host)) return { host, port, isName: true, request };
    judge.refuse(request, 'egress-reserved', RESERVED_REASON);
    return undefined;
  }

  return { of, named };
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535;
