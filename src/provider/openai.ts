// `openai`: a short-lived token of a service account, by workload identity federation (RFC 8693 in JSON).
//
//   POST {url}/oauth/token  {grant_type: …:token-exchange, subject_token_type: …:jwt, subject_token, identity_provider_id,
//                            service_account_id}                              200 {access_token, expires_in, token_type}
//
// https://developers.openai.com/api/reference/workload-identity-federation. A `scope` in the request grants and takes nothing;
// what may be done is the mapping's matter. There is no way to revoke: it ends by itself.

import { fieldOf, readAnswer } from './answer.ts';
import { askedText, baseUrl, optionalText } from './asked.ts';
import { bearerOf } from './bearer.ts';
import { endInSeconds, notAfter } from './expiry.ts';
import { upstreamFault } from './fault.ts';
import type { MintContext, Minted, Provider } from './provider.ts';

const SERVER = 'https://auth.openai.com';
const FROM = "OpenAI's token endpoint";
const TYPE = 'urn:ietf:params:oauth:token-type:';

export const openai: Provider = { name: 'openai', mint };

async function mint(context: MintContext): Promise<Minted> {
  const { request, http, signal } = context;
  const url = baseUrl(request, 'url', SERVER);
  const account = askedText(request, 'service-account');
  const body = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: `${TYPE}jwt`,
    identity_provider_id: askedText(request, 'identity-provider'),
    service_account_id: account,
  };
  const idToken = await context.idToken(optionalText(request, 'audience') ?? url);
  const now = context.now();
  const response = await http({
    method: 'POST',
    url: `${url}/oauth/token`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ ...body, subject_token: idToken.reveal() }),
    signal,
  });
  const answer = readAnswer(response, FROM, [200]);
  const issued = fieldOf(answer, 'issued_token_type');
  if (issued !== undefined && issued !== `${TYPE}access_token`)
    throw upstreamFault('PROVIDER_ANSWER', `expected an access token from ${FROM}`);
  const token = bearerOf(answer);
  return {
    material: { kind: 'token', token },
    kind: 'access token of a service account',
    ...notAfter(context, now, endInSeconds(answer, 'expires_in', now)),
    requested: { 'service-account': account },
    granted: { 'service-account': account },
  };
}
