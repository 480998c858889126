// The answer of an OAuth token endpoint (RFC 6749 §5.1) that must hold a bearer token.

import type { Secret } from '../model/secret.ts';
import { type Answer, fieldOf, secretOf } from './answer.ts';
import { upstreamFault } from './fault.ts';

export function bearerOf(answer: Answer): Secret {
  const type = fieldOf(answer, 'token_type');
  // Some vendors leave the type out; any other type is not used as `Authorization: Bearer`.
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer'))
    throw upstreamFault('PROVIDER_ANSWER', `expected a bearer token from ${answer.from}`);
  return secretOf(answer, 'access_token');
}
