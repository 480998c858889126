// Which addresses a connection may go to. Invariant: loopback, link-local, metadata and their like never; a private address
// only where a `cidr` rule names it; an allowed name lends its permission to public addresses alone.

import { parseAddress, unwrapAddress } from '../../match/address.ts';
import { specialRange } from '../../match/special.ts';
import type { Decision } from '../../model/decision.ts';
import type { Request } from '../../model/request.ts';
import { canonicalAddress } from './canonical.ts';

type ConnectRequest = Extract<Request, { kind: 'connect' }>;

export interface AddressCheck {
  /** Why an address that the guest dialled itself is out of bounds whatever the rules say; undefined when it is not. */
  direct(address: string): string | undefined;
  /** Why an address that a name leads to must not be dialled; undefined when it may. */
  behindName(address: string, request: ConnectRequest): string | undefined;
}

export function createAddressCheck(decide: (request: Request) => Decision): AddressCheck {
  function rangeOf(address: string): ReturnType<typeof specialRange> {
    const parsed = parseAddress(address);
    return parsed === undefined ? undefined : specialRange(unwrapAddress(parsed));
  }

  return {
    direct(address) {
      const range = rangeOf(address);
      return range?.kind === 'never'
        ? `${address} is ${range.what}; no rule can allow it`
        : undefined;
    },
    behindName(address, request) {
      const { host, port } = request;
      const judged = canonicalAddress(address);
      if (judged === undefined)
        return `the resolver answered for ${host} with something that is no address`;
      const range = rangeOf(judged);
      if (range?.kind === 'never')
        return `${host} leads to ${judged}, which is ${range.what}; no rule can allow it`;
      const decision = decide({ ...request, host: judged });
      // A rule for requests to addresses holds for a name that leads there: such bytes may not pass unread.
      if (decision.isInspected || (isUnmatched(decision) && decision.matched.length > 0))
        return `${host} leads to ${judged}, of which rules judge single HTTP requests; such rules must name the host`;
      // Nor does one that counts: what the name's own rules say is all that is counted.
      if (decision.effect === 'allow' && decision.limits !== undefined)
        return `${host} leads to ${judged}, and ${decision.limits[0]?.rule.id} counts what goes there; such a rule must name the host`;
      if (decision.effect === 'allow') return undefined;
      if (range !== undefined) {
        return `${host} leads to ${judged}, which is ${range.what}; it takes a cidr rule for ${judged} and port ${port}`;
      }
      // A public address that no rule speaks of is what an allowed name usually leads to.
      return isUnmatched(decision)
        ? undefined
        : `${host} leads to ${judged}, which ${decision.rule.id} denies`;
    },
  };
}

function isUnmatched(decision: Decision): boolean {
  return decision.rule.id === 'builtin/default';
}
