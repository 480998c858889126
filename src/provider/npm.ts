// `npm`: a token to publish one package, by trusted publishing.
//
//   POST {registry}/-/npm/v1/oidc/token/exchange/package/{escaped name}    Bearer ID token, audience npm:HOST    201 {token, expires?}
//   DELETE {registry}/-/user/token/{token}                                 Bearer the token itself, as `npm logout` does
//
// https://docs.npmjs.com/trusted-publishers, https://github.com/npm/cli/blob/latest/lib/utils/oidc.js and `lib/commands/logout.js`.
// npm itself goes on without a token when the exchange fails; here that is an error.

import type { Secret } from '../model/secret.ts';
import { fieldOf, readAnswer, secretOf } from './answer.ts';
import { askedText, optionalText } from './asked.ts';
import { endAtTime, notAfter } from './expiry.ts';
import { assertWanted, requestFault, upstreamFault } from './fault.ts';
import { orRevoke } from './granted.ts';
import { configuredRegistry } from './npm-registry.ts';
import type { MintContext, Minted, Provider, Revocation } from './provider.ts';

const FROM = "the registry's token exchange";
/** https://docs.npmjs.com/cli/configuring-npm/package-json#name, with the capitals of old packages */
const PACKAGE = /^(?:@[A-Za-z0-9~-][A-Za-z0-9._~-]*\/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*$/;

export const npm: Provider = { name: 'npm', mint };

async function mint(context: MintContext): Promise<Minted> {
  const { request, http, signal } = context;
  const name = askedText(request, 'package');
  if (!PACKAGE.test(name) || name.length > 214)
    throw requestFault(`expected the name of one package, got '${name}'`);
  const registry = (
    optionalText(request, 'registry') ?? (await configuredRegistry(name, context))
  ).replace(/\/+$/, '');
  const idToken = await context.idToken(`npm:${new URL(registry).hostname}`);
  const now = context.now();
  assertWanted(signal);
  const response = await http({
    method: 'POST',
    url: `${registry}/-/npm/v1/oidc/token/exchange/package/${name.replace('/', '%2f')}`,
    headers: { authorization: `Bearer ${idToken.reveal()}`, accept: 'application/json' },
    body: '',
  });
  if (response.status === 404)
    throw upstreamFault(
      'PROVIDER_REFUSED',
      `the registry has no trusted publisher for ${name} that matches this run (404)`,
      "compare repository, workflow and environment with the package's settings",
    );
  const answer = readAnswer(response, FROM, [200, 201]);
  const token = secretOf(answer, 'token');
  const revocation = revocationOf(registry, token);
  return orRevoke(revocation, http, () => ({
    material: { kind: 'token', token },
    kind: 'publish token',
    ...notAfter(
      context,
      now,
      fieldOf(answer, 'expires') === undefined ? undefined : endAtTime(answer, 'expires', now),
    ),
    requested: { package: name },
    granted: { package: name },
    revocation,
  }));
}

/** 401 is what a token hears that is gone already; 404 may be a registry that cannot revoke. */
function revocationOf(registry: string, token: Secret): Revocation {
  return {
    method: 'DELETE',
    url: `${registry}/-/user/token/${encodeURIComponent(token.reveal())}`,
    headers: { authorization: `Bearer ${token.reveal()}`, accept: 'application/json' },
    done: [200, 201, 204, 401],
  };
}
