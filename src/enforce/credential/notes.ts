// What this point puts on record beside decisions. Invariant: names, places and numbers; no value, no placeholder.

import type { Decision } from '../../model/decision.ts';
import { formatRequest } from '../../policy/request-syntax.ts';
import type { AllowedRequest, InjectionRefusal } from '../injection.ts';
import type { Point } from '../point.ts';
import type { ScrubHit } from '../scan/scrub.ts';

export type CredentialCheck =
  'placeholder' | 'credential-limit' | 'credential-mint' | 'credential-sign' | 'credential-body';

export interface Notes {
  /** A denial that no rule can lift. */
  refuse(request: AllowedRequest, check: CredentialCheck, reason: string): InjectionRefusal;
  alert(request: AllowedRequest, alert: string, facts: Record<string, string>): void;
  inject(request: AllowedRequest, credential: string, facts: Record<string, string>): boolean;
  reflected(request: AllowedRequest, hits: readonly ScrubHit[]): void;
}

export function createNotes(point: Pick<Point, 'ask' | 'append'>): Notes {
  return {
    refuse(request, check, reason) {
      const rule = { id: `builtin/${check}`, file: 'builtin', line: 0, layer: 'builtin' } as const;
      const denial: Decision = {
        effect: 'deny',
        rule,
        reason,
        matched: [rule],
        isPrivate: false,
        isInspected: false,
      };
      point.ask(request, { denial });
      return { check, status: check === 'credential-mint' ? 502 : 403, reason };
    },
    alert(request, alert, facts) {
      point.append({ type: 'alert', alert, request: formatRequest(request), ...facts });
    },
    inject: (request, credential, facts) =>
      point.append({
        type: 'credential.inject',
        credential,
        request: formatRequest(request),
        ...facts,
      }),
    reflected(request, hits) {
      for (const { credential, form, count } of hits)
        point.append({
          type: 'credential.reflected',
          credential,
          request: formatRequest(request),
          form,
          count,
        });
    },
  };
}
