// From an entry of the policy to its vendor and back: the exchange, what ends it, and where that is kept meanwhile.

import { ownMark } from '../engine/process.ts';
import type { Entry } from '../enforce/credential/broker.ts';
import { createActionsIdentity } from '../identity/github-actions.ts';
import type { Actor, Run } from '../model/identity.ts';
import type { ProviderName } from '../model/credential.ts';
import type { GrantedCredential } from '../model/policy.ts';
import { openJournal } from '../provider/journal.ts';
import { UnrevokedError } from '../provider/fault.ts';
import type { MintContext, Minted, Revocation } from '../provider/provider.ts';
import { PROVIDERS } from '../provider/registry.ts';
import { revoke } from '../provider/revoke.ts';
import { withoutShow } from '../provider/shown.ts';
import { createHostHttp, type HostHttpOptions } from './host-http.ts';
import { assertOutOfReach, pathOutOfReach, type MayWrite } from './out-of-reach.ts';

export interface MinterOptions extends HostHttpOptions {
  environment: Readonly<Record<string, string | undefined>>;
  /** of the host's user */
  home: string;
  actor: Actor;
  run?: Run | undefined;
  /** names the use in the vendor's log where there is no run */
  id: string;
  journalDirectory: string;
  /** whether the guest may write there */
  mayWrite: MayWrite;
  onNotice: (line: string) => void;
}

export interface Minter {
  mint: (credential: GrantedCredential) => Promise<Minted>;
  revoke: (revocation: Revocation) => Promise<'revoked' | 'failed'>;
  /** Writes to disk what ends the credential. */
  remember: (credential: Pick<GrantedCredential, 'id'>, minted: Endable) => Entry;
}

type Endable = Pick<Minted, 'revocation' | 'alsoRevoke' | 'notAfter'>;

export function createMinter(options: MinterOptions): Minter {
  const { home, mayWrite } = options;
  const { environment: given } = options;
  const environment = { ...given, PATH: pathOutOfReach(given['PATH'], mayWrite) };
  const now = (): number => Date.now();
  const http = createHostHttp(options);
  const identity = createActionsIdentity({ environment, get: http, now });
  const journal = openJournal({
    directory: options.journalDirectory,
    mark: ownMark(),
    onNotice: options.onNotice,
    now,
  });
  const { signal } = new AbortController();

  /** What a provider could not take back is kept for the next start, as what a killed process left. */
  async function mintAt(provider: ProviderName, id: string, context: MintContext): Promise<Minted> {
    try {
      return await PROVIDERS[provider].mint(context);
    } catch (error) {
      if (error instanceof UnrevokedError) journal.add({ id, revocations: error.revocations() });
      throw error;
    }
  }

  return {
    async mint({ id, provider, request, ttl }) {
      assertOutOfReach(request, home, mayWrite);
      const given = await mintAt(provider, id, {
        request,
        ...(ttl === undefined ? {} : { ttl }),
        idToken: (audience) => identity.idToken(audience),
        http,
        environment,
        home,
        sessionName: nameOf(options),
        now,
        signal,
      });
      const minted = withoutShow(given);
      const notAfter = Math.min(minted.notAfter ?? Infinity, now() + (ttl ?? Infinity));
      return Number.isFinite(notAfter) ? { ...minted, notAfter } : minted;
    },
    revoke: (revocation) => revoke(revocation, http),
    remember({ id }, { revocation, alsoRevoke = [], notAfter }) {
      const revocations = [revocation, ...alsoRevoke].filter((one) => one !== undefined);
      if (revocations.length === 0) return { remove: () => undefined };
      return journal.add({ id, revocations, ...(notAfter !== undefined && { notAfter }) });
    },
  };
}

/** Names this use in the vendor's log: who, and which run or session. */
function nameOf({ actor, run, id }: MinterOptions): string {
  return `${actor.login}@${run?.runId ?? id}`.replace(/[^A-Za-z0-9=,.@-]/g, '-').slice(0, 64);
}
