// `octo-sts`: an installation token for what a trust policy in the repository itself says (`.github/chainguard/NAME.sts.yaml`).
//
//   GET {server}/sts/exchange?scope=OWNER/REPOSITORY&identity=NAME    Bearer ID token, audience the server's host    200 {token}
//
// https://github.com/octo-sts/app; 404: there is no installation or no such trust policy, which it does not tell apart.
// What may be done is the trust policy's matter: there is no asking for less, and the answer does not tell.

import { readAnswer, secretOf } from './answer.ts';
import { askedText, baseUrl } from './asked.ts';
import { notAfter } from './expiry.ts';
import { assertWanted, upstreamFault } from './fault.ts';
import { GITHUB_API, githubRevocation, tokenHash } from './github-api.ts';
import type { MintContext, Minted, Provider } from './provider.ts';

const SERVER = 'https://octo-sts.dev';
/**
 * The answer has no expiry; an installation token ends "one hour from the time you create" it.
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app
 */
const LIFE_MS = 3_600_000;

export const octoSts: Provider = { name: 'octo-sts', mint };

async function mint(context: MintContext): Promise<Minted> {
  const { request, http, signal } = context;
  const scope = askedText(request, 'scope');
  const identity = askedText(request, 'identity');
  const server = baseUrl(request, 'server', SERVER);
  const idToken = await context.idToken(new URL(server).hostname);
  const now = context.now();
  const query = new URLSearchParams({ scope, identity });
  assertWanted(signal);
  const response = await http({
    method: 'GET',
    url: `${server}/sts/exchange?${query.toString()}`,
    headers: { authorization: `Bearer ${idToken.reveal()}`, accept: 'application/json' },
  });
  if (response.status === 404)
    throw upstreamFault(
      'PROVIDER_REFUSED',
      `Octo STS found no trust policy '${identity}' for ${scope} (404)`,
      `it is read from .github/chainguard/${identity}.sts.yaml of its default branch`,
    );
  const token = secretOf(readAnswer(response, 'Octo STS', [200]), 'token');
  return {
    material: { kind: 'token', token },
    kind: 'installation token of a trust policy',
    ...notAfter(context, now, now + LIFE_MS),
    requested: { scope, identity },
    granted: { scope, identity },
    revocation: githubRevocation(GITHUB_API, token),
    correlation: { tokenSha256: tokenHash(token) },
  };
}
