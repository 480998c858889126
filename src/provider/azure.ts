// Azure: a token of an application for one resource, by a federated credential. It is as wide as the application's roles, and
// nothing ends it early: one application for each purpose.
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential
import { Secret } from '../model/secret.ts';
import {
  endOf,
  fieldsOf,
  form,
  readObject,
  requestError,
  statusError,
  tryObject,
  upstreamError,
} from './cloud-answer.ts';
import type { MintContext, Minted, Provider } from './provider.ts';

interface AzureRequest {
  tenant: string;
  client: string;
  scope: string;
  authority?: string;
}

const WHAT = 'Microsoft Entra';
/** https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation-create-trust */
const AUDIENCE = 'api://AzureADTokenExchange';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const NAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$/;
/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
const CODES = [
  ...['invalid_request', 'invalid_client', 'invalid_grant', 'invalid_scope', 'invalid_resource'],
  ...['unauthorized_client', 'unsupported_grant_type', 'temporarily_unavailable'],
];

export const azure: Provider = { name: 'azure', mint };

async function mint(context: MintContext): Promise<Minted> {
  const { tenant, client, scope, authority } = context.request as unknown as AzureRequest;
  if (!NAME.test(tenant) || !NAME.test(client))
    throw requestError('PROVIDER_AZURE_REQUEST', 'expected `tenant` and `client` to be ids');
  if (!/^[!-~]+\/\.default$/.test(scope))
    throw requestError(
      'PROVIDER_AZURE_SCOPE',
      'expected `scope` to be one resource, `RESOURCE/.default`',
      'ask for further resources in credentials of their own',
    );
  const assertion = await context.idToken(AUDIENCE);
  const answer = await context.http({
    method: 'POST',
    url: `${authority ?? 'https://login.microsoftonline.com'}/${tenant}/oauth2/v2.0/token`,
    ...form({
      grant_type: 'client_credentials',
      client_id: client,
      client_assertion_type: ASSERTION,
      client_assertion: assertion.reveal(),
      scope,
    }),
    signal: context.signal,
  });
  if (answer.status !== 200) {
    const said = tryObject(answer)?.['error'];
    throw statusError(WHAT, answer.status, typeof said === 'string' ? said : undefined, CODES);
  }
  const read = fieldsOf(readObject(answer, WHAT), WHAT);
  const type = read.own('token_type');
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    throw upstreamError('PROVIDER_ANSWER', WHAT, 'expected a bearer token in the answer');
  // Entra does not say the scope here; where it does, it is to be the one.
  const said = read.own('scope');
  if (said !== undefined && said !== scope)
    throw upstreamError('PROVIDER_SURPLUS', WHAT, 'granted another scope than was asked for');
  const now = context.now();
  const end = now + read.seconds('expires_in') * 1000;
  return {
    material: { kind: 'token', token: new Secret(read.token('access_token')) },
    kind: 'application access token',
    notAfter: endOf(end, now, context.ttl),
    requested: { tenant, client, scope },
    granted: { tenant, client, scope },
  };
}
