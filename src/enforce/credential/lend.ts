// A credential for a call that the host itself makes on behalf of the agent: to a tool server that the policy gives it to.
// Invariant: on record before it is used, and never for anything but a bearer's token.

import type { Secret } from '../../model/secret.ts';
import type { Point } from '../point.ts';
import type { Broker } from './broker.ts';
import { secretsOf } from './material.ts';

/** The token; undefined where there is none to be had, which is on record. */
export type Lend = (
  id: string,
  use: { server: string; url: string },
) => Promise<Secret | undefined>;

export function createLend(broker: Pick<Broker, 'take'>, point: Pick<Point, 'append'>): Lend {
  return async (id, { server, url }) => {
    const taken = await broker.take(id);
    if (!('material' in taken)) return undefined;
    const [, token] = secretsOf(taken.material).find(([part]) => part === 'token') ?? [];
    if (token === undefined) {
      point.append({
        type: 'credential.refuse',
        credential: id,
        code: 'CREDENTIAL_KIND',
        reason: 'unusable',
        detail: `expected a token for the tool server "${server}", got a credential of another kind`,
      });
      return undefined;
    }
    const request = `POST ${url}`;
    const isRecorded = point.append({
      type: 'credential.inject',
      credential: id,
      request,
      server,
      header: 'authorization',
    });
    return isRecorded ? token : undefined;
  };
}
