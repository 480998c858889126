// Ends what sessions left alive whose process was killed. Loads nothing where there is nothing.

import { readdirSync } from 'node:fs';

import { readProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import { lifeOf, ownMark } from '../engine/process.ts';
import { errnoOf } from '../model/error.ts';
import { hostAuthorities } from './trust.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves once all that could be ended is; what could not stays for the next start, and `onNotice` hears of it. */
export async function sweepCredentials(
  directory: string,
  environment: Environment,
  onNotice: (message: string) => void,
): Promise<void> {
  if (isEmpty(directory)) return;
  const [{ openJournal }, { revoke }, { createHostHttp }] = await Promise.all([
    import('../provider/journal.ts'),
    import('../provider/revoke.ts'),
    import('./host-http.ts'),
  ]);
  const http = createHostHttp({
    proxies: readProxySettings(environment),
    ca: hostAuthorities(environment, onNotice),
  });
  const journal = openJournal({ directory, mark: ownMark(), onNotice, now: () => Date.now() });
  const { revoked } = await journal.sweep(
    // What lives where its number means nothing here may be alive.
    (mark) => lifeOf(mark) !== 'gone',
    (revocation) => revoke(revocation, http),
  );
  if (revoked > 0)
    onNotice(
      `revoked ${revoked} ${revoked === 1 ? 'credential' : 'credentials'} that a session left when its process was killed`,
    );
}

function isEmpty(directory: string): boolean {
  try {
    return readdirSync(directory).length === 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw error;
  }
}
