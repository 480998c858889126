// How findings are written down: where, never what.

import { createHmac } from 'node:crypto';

import { toMessage } from '../../../log/redact.ts';
import type { Finding } from '../content.ts';

/** More of one message are not told apart by anybody. */
const MOST = 64;
const LONGEST_PLACE = 200;

export interface Findings {
  /** nothing more is taken: nobody need find out where it is */
  readonly isFull: boolean;
  add(finding: Finding): void;
  list(): Finding[];
}

/** Findings of one message: each only once, places safe to show. */
export function createFindings(): Findings {
  const found = new Map<string, Finding>();
  return {
    get isFull() {
      return found.size >= MOST;
    },
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

/** Equal values have equal ones in one session; without its key they say nothing. For one message, which may hold a value often. */
export function createFingerprints(key: Buffer): (value: string | Buffer) => string {
  const made = new Map<string | Buffer, string>();
  return (value) => {
    let fingerprint = made.get(value);
    if (fingerprint === undefined) {
      fingerprint = createHmac('sha256', key).update(value).digest('hex').slice(0, 8);
      made.set(value, fingerprint);
    }
    return fingerprint;
  };
}
