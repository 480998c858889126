// Microsoft Entra's token endpoint, for client credentials with a federated assertion:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
import { formOf, jsonAnswer, listen } from './listen.ts';
import type { Cloud } from './listen.ts';
import { isWorkloadToken } from './workload.ts';
import type { TokenCheck } from './workload.ts';

export interface EntraOptions {
  tenant: string;
  client: string;
  token: string;
  /** put into the answer */
  more?: Record<string, unknown>;
  /** instead of the tokens of `workload.ts` */
  isToken?: TokenCheck;
}

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export function startEntra(options: EntraOptions): Promise<Cloud> {
  const { tenant, client, token, more, isToken = isWorkloadToken } = options;
  return listen(async (request) => {
    const refuse = (status: number, error: string) =>
      jsonAnswer(status, { error, error_description: `AADSTS70021: ${token}` });
    const fields = formOf(request);
    if (request.method !== 'POST' || request.target !== `/${tenant}/oauth2/v2.0/token`)
      return refuse(404, 'invalid_request');
    if (fields?.['grant_type'] !== 'client_credentials')
      return refuse(400, 'unsupported_grant_type');
    if (fields['client_id'] !== client) return refuse(400, 'unauthorized_client');
    if (!/^[^ ]+\/\.default$/.test(fields['scope'] ?? '')) return refuse(400, 'invalid_scope');
    const isAsserted =
      fields['client_assertion_type'] === ASSERTION &&
      (await isToken(fields['client_assertion'], 'api://AzureADTokenExchange'));
    if (!isAsserted) return refuse(401, 'invalid_client');
    return jsonAnswer(200, {
      token_type: 'Bearer',
      expires_in: 3599,
      ext_expires_in: 3599,
      access_token: token,
      ...more,
    });
  });
}
