// Mints credentials when they are first used, keeps and refreshes them, and ends them with the session.
// Invariants: one exchange at a time for a credential, whoever waits for it; nothing is used that is not in the journal;
// what is granted beyond the policy is ended by the provider and never comes here.

import type { Material } from '../../model/credential.ts';
import { SandboxError, messageOf } from '../../model/error.ts';
import type { GrantedCredential } from '../../model/policy.ts';
import type { Minted, Revocation } from '../../provider/provider.ts';
import type { Point } from '../point.ts';

/** A credential is not used in its last seconds: the request might arrive after its end. In `ms`. */
const LEAST_LIFE = 30_000;
/** A fresh one is minted at this part of its life, and at the latest so long before its end, in `ms`. */
const REFRESH_PART = 0.75;
const REFRESH_BEFORE = 300_000;
/** After a failed exchange its reason is the answer for so long, in `ms`: a client that tries again does not hammer the vendor. */
const FAILED_FOR = 5000;

/** Of a timer of Node, in `ms`: https://nodejs.org/api/timers.html */
const MAX_DELAY = 0x7fffffff;

export interface Entry {
  /** forgets the entry once the credential is gone */
  remove(): void;
}

export interface BrokerOptions {
  point: Pick<Point, 'ask' | 'append'>;
  credentials: readonly GrantedCredential[];
  mint: (credential: GrantedCredential) => Promise<Minted>;
  revoke: (revocation: Revocation) => Promise<'revoked' | 'failed'>;
  /** Writes what ends the credential to disk before it is used. */
  remember: (credential: GrantedCredential, minted: Minted) => Entry;
  /** the value may now be in answers; what comes back makes it forgotten */
  onLive: (id: string, material: Material) => () => void;
  /** milliseconds since the epoch */
  now: () => number;
}

export interface Use {
  id: string;
  minted: number;
  used: number;
  failed?: string;
}

export interface Broker {
  /** The value, minted now or kept; a reason where there is none, already on record. */
  take(id: string): Promise<{ material: Material } | { reason: string }>;
  uses(): Use[];
  /** Ends all that lives; those that could not be ended stay in the journal. */
  close(): Promise<void>;
}

interface Live {
  minted: Minted;
  mintedAt: number;
  /** otherwise it is good until it ends by itself */
  isRevocable: boolean;
  end: () => Promise<void>;
}

export function createBroker(options: BrokerOptions): Broker {
  const { point, now } = options;
  const live = new Map<string, Live>();
  const all = new Set<Live>();
  const pending = new Map<string, Promise<Live | { reason: string }>>();
  const failed = new Map<string, { reason: string; until: number }>();
  const uses = new Map<string, Use>(
    options.credentials.map(({ id }) => [id, { id, minted: 0, used: 0 }]),
  );
  let isClosed = false;

  async function take(id: string): Promise<{ material: Material } | { reason: string }> {
    const known = live.get(id);
    const found =
      known !== undefined && !isDue(known, now())
        ? known
        : await (pending.get(id) ?? begin(id, known));
    if ('reason' in found) return found;
    const use = uses.get(id);
    if (use !== undefined) use.used += 1;
    return { material: found.minted.material };
  }

  function begin(id: string, known: Live | undefined): Promise<Live | { reason: string }> {
    const running = renew(id, known).finally(() => pending.delete(id));
    pending.set(id, running);
    return running;
  }

  /** A new one; while the old one lives, it serves where no new one can be had. */
  async function renew(id: string, known: Live | undefined): Promise<Live | { reason: string }> {
    const fresh = await mint(id);
    if (!('reason' in fresh)) {
      live.set(id, fresh);
      if (known !== undefined) retire(known);
      return fresh;
    }
    return known !== undefined && isUsable(known, now()) ? known : fresh;
  }

  async function mint(id: string): Promise<Live | { reason: string }> {
    const before = failed.get(id);
    if (before !== undefined && before.until > now()) return { reason: before.reason };
    if (isClosed) return { reason: 'the session is over' };
    const { allowed, decision } = point.ask({ kind: 'mint', id });
    const credential = options.credentials.find((one) => one.id === id);
    // Audit mode watches what would be denied; it mints nothing.
    if (!allowed || decision.effect === 'deny' || credential === undefined)
      return { reason: decision.reason };
    try {
      const minted = await options.mint(credential);
      return await keep(credential, minted);
    } catch (error) {
      return refuse(credential, error);
    }
  }

  async function keep(
    credential: GrantedCredential,
    minted: Minted,
  ): Promise<Live | { reason: string }> {
    const { id, provider } = credential;
    const revocations = [minted.revocation, ...(minted.alsoRevoke ?? [])].filter(
      (one) => one !== undefined,
    );
    let entry: Entry | undefined;
    let forget: (() => void) | undefined;
    let timer: NodeJS.Timeout | undefined;
    const end = once(async () => {
      clearTimeout(timer);
      all.delete(one);
      const results = await Promise.all(revocations.map(options.revoke));
      const isGone = results.every((result) => result === 'revoked');
      if (isGone) entry?.remove();
      // What may still be good is looked for in answers until the session ends.
      if (isGone && (revocations.length > 0 || isOver(minted, now()))) forget?.();
      point.append({
        type: 'credential.revoke',
        credential: id,
        provider,
        result: revocations.length === 0 ? 'expires' : isGone ? 'revoked' : 'failed',
        ...timeOf(minted.notAfter),
        ...minted.correlation,
      });
    });
    const one: Live = { minted, mintedAt: now(), end, isRevocable: revocations.length > 0 };
    all.add(one);
    try {
      entry = options.remember(credential, minted);
      forget = options.onLive(id, minted.material);
      if (minted.notAfter !== undefined && minted.notAfter - now() < LEAST_LIFE)
        throw fault('it ends within 30 seconds of its making');
      const isRecorded = point.append({
        type: 'credential.mint',
        credential: id,
        provider,
        kind: minted.kind,
        requested: minted.requested,
        granted: minted.granted,
        ...timeOf(minted.notAfter),
        ...minted.correlation,
      });
      if (!isRecorded || isClosed) throw fault('the session is over');
    } catch (error) {
      await end();
      throw error;
    }
    // At its end whoever uses it or not: the vendor's own may be later than the policy's.
    if (minted.notAfter !== undefined) timer = endIn(one, minted.notAfter - now());
    const use = uses.get(id);
    if (use !== undefined) use.minted += 1;
    return one;
  }

  function refuse({ id, provider }: GrantedCredential, error: unknown): { reason: string } {
    const reason = error instanceof SandboxError ? messageOf(error) : 'the exchange failed';
    const code = error instanceof SandboxError ? error.code : 'CREDENTIAL_FAILED';
    failed.set(id, { reason, until: now() + FAILED_FOR });
    const use = uses.get(id);
    if (use !== undefined) use.failed = reason;
    point.append({ type: 'credential.refuse', credential: id, provider, code, reason });
    return { reason };
  }

  /** Requests on their way may still carry the old one: it is ended a little later. */
  function retire(old: Live): void {
    if (old.isRevocable || old.minted.notAfter === undefined) endIn(old, LEAST_LIFE);
  }

  return {
    take,
    uses: () => [...uses.values()],
    async close() {
      isClosed = true;
      await Promise.allSettled(pending.values());
      await Promise.allSettled([...all].map((one) => one.end()));
    },
  };
}

/** Beyond `MAX_DELAY` the session's own end comes first. */
function endIn(one: Live, delay: number): NodeJS.Timeout {
  const timer = setTimeout(
    () => void one.end().catch(() => undefined),
    Math.min(Math.max(delay, 0), MAX_DELAY),
  );
  timer.unref();
  return timer;
}

function isOver({ notAfter }: Minted, time: number): boolean {
  return notAfter !== undefined && time >= notAfter;
}

function isDue({ minted, mintedAt }: Live, time: number): boolean {
  const { notAfter } = minted;
  if (notAfter === undefined) return false;
  const life = notAfter - mintedAt;
  const part = mintedAt + life * REFRESH_PART;
  return time >= (life > 2 * REFRESH_BEFORE ? Math.min(part, notAfter - REFRESH_BEFORE) : part);
}

function isUsable({ minted }: Live, time: number): boolean {
  return minted.notAfter === undefined || minted.notAfter - time >= LEAST_LIFE;
}

function timeOf(notAfter: number | undefined): { notAfter?: string } {
  return notAfter === undefined ? {} : { notAfter: new Date(notAfter).toISOString() };
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}

function fault(message: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: 'CREDENTIAL_UNUSABLE', message });
}
