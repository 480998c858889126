// A request that the guest signed with placeholder keys: its signature checked, and made anew with the real ones.

import { createHash } from 'node:crypto';

import type { Material } from '../../model/credential.ts';
import type { WireRequest } from '../../provider/sigv4/canonical.ts';
import { sign } from '../../provider/sigv4/sign.ts';
import type { AllowedRequest, HeaderFields, OutgoingHead } from '../injection.ts';
import type { Bound } from './binds.ts';
import type { Placeholders } from './placeholder/placeholders.ts';
import { mintingAction, needsBody } from './sigv4/minting.ts';
import { FAULTS, verify } from './sigv4/verify.ts';

export interface Signing {
  /** the body is wanted before the head can be judged */
  takesBody: boolean;
  /** Why the request may not go. */
  check(body: Buffer | undefined): string | undefined;
  /** After `check`: what a body that streams must turn out to hash to. */
  expectedHash(): string | undefined;
  /** After `check`. Undefined where the material is no key of AWS. */
  sign(fields: HeaderFields, material: Material): HeaderFields | undefined;
}

export interface SigningOptions {
  placeholders: Placeholders;
  now: () => number;
}

export function createSigning(
  request: AllowedRequest,
  head: OutgoingHead,
  bound: Bound,
  { placeholders, now }: SigningOptions,
): Signing {
  const scope = bound.sign ?? { service: '', region: '' };
  const { id } = bound.credential;
  const keys = {
    accessKeyId: placeholders.issue(id, 'aws-access-key-id'),
    secretAccessKey: placeholders.issue(id, 'aws-secret'),
    sessionToken: placeholders.issue(id, 'aws-session-token'),
  };
  const wire = (fields: HeaderFields): WireRequest => ({
    method: request.method,
    host: head.authority,
    path: request.path,
    query: head.query.replace(/^\?/, ''),
    // Clients sign how long the body is; who sends it says it anew.
    headers:
      head.length === undefined ? fields : [...fields, ['content-length', String(head.length)]],
  });
  const states = head.fields.some(([name]) => name === 'x-amz-content-sha256');
  const takesBody = head.hasBody && (!states || needsBody(scope.service));
  let verified: { payload: string; signed: readonly string[] } | undefined;
  let expected: string | undefined;

  return {
    takesBody,
    check(body) {
      const whole = body ?? (head.hasBody ? undefined : Buffer.alloc(0));
      const hash =
        whole === undefined ? undefined : createHash('sha256').update(whole).digest('hex');
      const verdict = verify(wire(head.fields), keys, { ...scope, now: now() }, hash);
      if (verdict.outcome === 'body-needed') return FAULTS.payload;
      if (verdict.outcome === 'refused') return FAULTS[verdict.fault];
      const { query, path, method, headers } = wire(head.fields);
      const action = mintingAction({
        service: scope.service,
        method,
        path,
        query,
        headers,
        ...(whole !== undefined && { body: whole.toString('latin1') }),
      });
      if (action !== undefined) return `${action} mints access, or makes it last`;
      verified = verdict;
      expected = verdict.expectedHash;
      return undefined;
    },
    expectedHash: () => expected,
    sign(fields, material) {
      if (material.kind !== 'aws' || verified === undefined) return undefined;
      const { accessKeyId, secretAccessKey, sessionToken } = material;
      const signed = sign(
        wire(fields),
        {
          accessKeyId,
          secretAccessKey: secretAccessKey.reveal(),
          ...(sessionToken && { sessionToken: sessionToken.reveal() }),
        },
        { ...scope, payload: verified.payload, signed: verified.signed },
      );
      return signed?.filter(([name]) => name !== 'content-length');
    },
  };
}
