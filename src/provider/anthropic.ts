// `anthropic`: a short-lived token of a service account, by workload identity federation.
//
//   POST {url}/v1/oauth/token  {grant_type: …:jwt-bearer, assertion, federation_rule_id, organization_id, service_account_id,
//                               workspace_id?}                                200 {access_token, expires_in, token_type}
//
// https://platform.claude.com/docs/en/manage-claude/wif-reference. The token goes into `Authorization: Bearer`, not `x-api-key`.
// There is no way to ask for less than the rule gives, and none to revoke: it ends by itself.

import { readAnswer } from './answer.ts';
import { askedText, baseUrl, optionalText } from './asked.ts';
import { bearerOf } from './bearer.ts';
import { endInSeconds, notAfter } from './expiry.ts';
import type { MintContext, Minted, Provider } from './provider.ts';

const SERVER = 'https://api.anthropic.com';
const BETA = 'oauth-2025-04-20,oidc-federation-2026-04-01';

export const anthropic: Provider = { name: 'anthropic', mint };

async function mint(context: MintContext): Promise<Minted> {
  const { request, http, signal } = context;
  const url = baseUrl(request, 'url', SERVER);
  const account = askedText(request, 'service-account');
  const workspace = optionalText(request, 'workspace');
  const body = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    federation_rule_id: askedText(request, 'rule'),
    organization_id: askedText(request, 'organization'),
    service_account_id: account,
    ...(workspace !== undefined && { workspace_id: workspace }),
  };
  const idToken = await context.idToken(optionalText(request, 'audience') ?? url);
  const now = context.now();
  const response = await http({
    method: 'POST',
    url: `${url}/v1/oauth/token`,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      'anthropic-beta': BETA,
    },
    body: JSON.stringify({ ...body, assertion: idToken.reveal() }),
    signal,
  });
  const answer = readAnswer(response, "Anthropic's token endpoint", [200]);
  const token = bearerOf(answer);
  const scope = { 'service-account': account, ...(workspace !== undefined && { workspace }) };
  return {
    material: { kind: 'token', token },
    kind: 'access token of a service account',
    ...notAfter(context, now, endInSeconds(answer, 'expires_in', now)),
    requested: scope,
    granted: scope,
  };
}
