// `oauth-exchange`: any authorization server that takes the workload's token for one of its own.
//
//   POST {url}  form: grant_type=…:token-exchange, subject_token, subject_token_type, scope, audience?, resource?   RFC 8693 §2.1
//               form: grant_type=…:jwt-bearer, assertion, scope                                                     RFC 7523 §2.1
//   200 {access_token, token_type, expires_in?, scope?, issued_token_type?}       RFC 6749 §5.1, RFC 8693 §2.2.1
//   POST {revoke}  form: token, token_type_hint                                   200 also when it is gone already: RFC 7009 §2.2

import type { Secret } from '../model/secret.ts';
import { type Answer, fieldOf, readAnswer } from './answer.ts';
import { askedText, askedTexts, optionalText } from './asked.ts';
import { bearerOf } from './bearer.ts';
import { endInSeconds, notAfter } from './expiry.ts';
import { assertWanted, requestFault, upstreamFault } from './fault.ts';
import { orRevoke, surplusFault, surplusOf } from './granted.ts';
import type { MintContext, Minted, Provider, Revocation } from './provider.ts';
import { whyUnusable } from './usable.ts';

const FROM = 'the token endpoint';
const TYPE = 'urn:ietf:params:oauth:token-type:';
const GRANT = 'urn:ietf:params:oauth:grant-type:';
const FORM = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };

export const oauthExchange: Provider = { name: 'oauth-exchange', mint };

async function mint(context: MintContext): Promise<Minted> {
  const { request, http, signal } = context;
  const scopes = askedTexts(request, 'scopes');
  // A blank parts scopes: one with a blank in it would ask for two (RFC 6749 §3.3).
  if (scopes.some((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)))
    throw requestFault("expected one scope an entry in 'scopes' of the request");
  const url = askedText(request, 'url');
  const idToken = await context.idToken(askedText(request, 'audience'));
  const now = context.now();
  assertWanted(signal);
  const response = await http({
    method: 'POST',
    url,
    headers: FORM,
    body: formOf(context, idToken, scopes),
  });
  const answer = readAnswer(response, FROM, [200]);
  const token = bearerOf(answer);
  const revocations = revocationsOf(context, token, answer);
  const [revocation, ...alsoRevoke] = revocations;
  const check = (): Minted => ({
    material: { kind: 'token', token },
    kind: 'access token',
    ...notAfter(
      context,
      now,
      fieldOf(answer, 'expires_in') === undefined
        ? undefined // RFC 6749 only recommends to say it
        : endInSeconds(answer, 'expires_in', now),
    ),
    requested: { scopes },
    granted: { scopes: readScopes(answer, scopes) },
    ...(revocation !== undefined && { revocation }),
    ...(alsoRevoke.length > 0 && { alsoRevoke }),
  });
  return revocation === undefined ? check() : orRevoke(revocations, http, check);
}

function formOf({ request }: MintContext, idToken: Secret, scopes: readonly string[]): string {
  const form = new URLSearchParams();
  const grant = askedText(request, 'grant');
  if (grant === 'token-exchange') {
    form.set('grant_type', `${GRANT}token-exchange`);
    form.set('subject_token', idToken.reveal());
    form.set('subject_token_type', `${TYPE}jwt`);
    form.set('requested_token_type', `${TYPE}access_token`);
    for (const [name, field] of [
      ['target', 'audience'],
      ['resource', 'resource'],
    ] as const) {
      const value = optionalText(request, name);
      if (value !== undefined) form.set(field, value);
    }
  } else if (grant === 'jwt-bearer') {
    form.set('grant_type', `${GRANT}jwt-bearer`);
    form.set('assertion', idToken.reveal());
  } else throw requestFault("expected 'token-exchange' or 'jwt-bearer' as 'grant' of the request");
  form.set('scope', scopes.join(' '));
  const client = optionalText(request, 'client');
  if (client !== undefined) form.set('client_id', client);
  return form.toString();
}

/** "OPTIONAL, if identical to the scope requested by the client; otherwise, REQUIRED" (RFC 6749 §5.1). */
function readScopes(answer: Answer, asked: readonly string[]): string[] {
  const issued = fieldOf(answer, 'issued_token_type');
  if (issued !== undefined && issued !== `${TYPE}access_token` && issued !== `${TYPE}jwt`)
    throw upstreamFault('PROVIDER_ANSWER', `expected an access token from ${FROM}`);
  const scope = fieldOf(answer, 'scope');
  if (scope === undefined) return [...asked];
  if (typeof scope !== 'string')
    throw upstreamFault('PROVIDER_ANSWER', `expected a text in 'scope' of ${FROM}`);
  const granted = scope.split(' ').filter((item) => item !== '');
  if (surplusOf(asked, granted).length > 0) throw surplusFault(FROM, 'a scope that was not named');
  if (granted.length === 0)
    throw upstreamFault('PROVIDER_ANSWER', `${FROM} granted none of what was asked for`);
  return granted;
}

/** Of the token, and of the refresh token that nobody asked for; none where the policy names no endpoint for it. */
function revocationsOf({ request }: MintContext, token: Secret, answer: Answer): Revocation[] {
  const url = optionalText(request, 'revoke');
  if (url === undefined) return [];
  const client = optionalText(request, 'client');
  const revocationOf = (value: string, hint: string): Revocation => ({
    method: 'POST',
    url,
    headers: { ...FORM },
    body: new URLSearchParams({
      token: value,
      token_type_hint: hint,
      ...(client !== undefined && { client_id: client }),
    }).toString(),
    done: [200],
  });
  const refresh = fieldOf(answer, 'refresh_token');
  return [
    revocationOf(token.reveal(), 'access_token'),
    ...(typeof refresh === 'string' && whyUnusable(refresh) === undefined
      ? [revocationOf(refresh, 'refresh_token')]
      : []),
  ];
}
