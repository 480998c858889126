// How findings are written down: where, never what.

import { createHmac } from 'node:crypto';

import { toMessage } from '../../../log/redact.ts';
import type { Finding } from '../content.ts';

/** More of one message are not told apart by anybody. */
const MOST = 64;
const LONGEST_PLACE = 200;

export interface Findings {
  add(finding: Finding): void;
  list(): Finding[];
}

/** Findings of one message: each only once, places safe to show. */
export function createFindings(): Findings {
  const found = new Map<string, Finding>();
  return {
    add: (finding) => {
      if (found.size >= MOST) return;
      const place = toMessage(finding.place, LONGEST_PLACE);
      found.set(`${finding.detector}\n${place}\n${finding.fingerprint ?? ''}`, {
        ...finding,
        place,
      });
    },
    list: () => [...found.values()],
  };
}

/** Equal values have equal ones in one session; without its key they say nothing. */
export function fingerprintOf(key: Buffer, value: string | Buffer): string {
  return createHmac('sha256', key).update(value).digest('hex').slice(0, 8);
}
