// The credentials of one session: placeholders for the guest, values for requests, nothing left at the end.

import type { GrantedCredential } from '../../model/policy.ts';
import type { Minted, Revocation } from '../../provider/provider.ts';
import type { Injector } from '../injection.ts';
import type { Point } from '../point.ts';
import { createQuotas } from '../quotas.ts';
import { createBinds } from './binds.ts';
import { createBroker } from './broker.ts';
import type { Entry, Use } from './broker.ts';
import { exposeCredentials } from './exposure.ts';
import type { Exposed } from './exposure.ts';
import { createInjector } from './injector.ts';
import { createLend, type Lend } from './lend.ts';
import { secretsOf, shapesOf } from './material.ts';
import { createNotes } from './notes.ts';
import { createPlaceholders } from './placeholder/placeholders.ts';
import { createScanner, type Scanner } from '../scan/scanner.ts';
import { createSeals } from './sealed.ts';

export interface CredentialsOptions {
  point: Pick<Point, 'ask' | 'append'>;
  credentials: readonly GrantedCredential[];
  mint: (credential: GrantedCredential) => Promise<Minted>;
  revoke: (revocation: Revocation) => Promise<'revoked' | 'failed'>;
  remember: (credential: GrantedCredential, minted: Minted) => Entry;
  /** that many bytes nobody can guess */
  random: (bytes: number) => Buffer;
  /** milliseconds since the epoch */
  now: () => number;
}

export interface Credentials extends Exposed {
  injector: Injector;
  /** for calls to tool servers */
  lend: Lend;
  /** the values that live */
  known: Pick<Scanner, 'patterns'>;
  uses(): Use[];
  /** Ends all that lives. */
  close(): Promise<void>;
}

export function createCredentials(options: CredentialsOptions): Credentials {
  const { credentials, point, now, random } = options;
  const placeholders = createPlaceholders(random);
  const scanner = createScanner();
  const exposed = exposeCredentials(credentials, placeholders, random, now);
  const replacements = new Map(
    credentials.flatMap((credential) =>
      shapesOf(credential).map(([part, shape]) => [
        `${credential.id} ${part}`,
        placeholders.issue(credential.id, shape, part),
      ]),
    ),
  );
  const broker = createBroker({
    ...options,
    onLive(id, material) {
      const values = secretsOf(material).map(([part, secret]) => ({
        credential: id,
        secret,
        replacement: replacements.get(`${id} ${part}`) ?? '***',
      }));
      for (const value of values) scanner.add(value);
      return () => {
        for (const { secret } of values) scanner.remove(id, secret);
      };
    },
  });
  const injector = createInjector({
    binds: createBinds(credentials),
    placeholders,
    scanner,
    seals: createSeals(placeholders, scanner),
    broker,
    quotas: createQuotas(),
    notes: createNotes(point),
    now,
  });
  return {
    ...exposed,
    injector,
    lend: createLend(broker, point),
    known: scanner,
    uses: () => broker.uses(),
    async close() {
      exposed.metadata?.close();
      await broker.close();
    },
  };
}
