// The identity endpoint of Azure App Service, as @azure/identity and its kin ask it: placeholders.
// https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity#rest-endpoint-reference
import { isSame, json } from './message.ts';
import type { MetadataAnswer, MetadataRequest } from './message.ts';

export interface AzureMetadata {
  /** where tokens are asked for, e.g. `/msi/token` */
  path: string;
  /** what `x-identity-header` must be */
  secret: string;
  tokens: {
    /** without `/.default` */
    resource: string;
    /** the application's id */
    client: string;
    placeholder: string;
    /** milliseconds since the epoch */
    notAfter: number;
  }[];
}

const API_VERSION = '2019-08-01';

export function answerAzure(request: MetadataRequest, source: AzureMetadata): MetadataAnswer {
  const refuse = (status: number, message: string): MetadataAnswer =>
    json(status, { statusCode: status, message });
  if (!isSame(request.headers['x-identity-header'], source.secret))
    return refuse(401, 'the identity header is missing or wrong');
  if (request.method !== 'GET') return refuse(405, 'use GET');
  const query = new URLSearchParams(request.query);
  const one = (name: string): string | undefined => {
    const [value, ...more] = query.getAll(name);
    return more.length === 0 ? value : undefined;
  };
  if (one('api-version') !== API_VERSION) return refuse(400, `api-version must be ${API_VERSION}`);
  const resource = one('resource');
  const client = one('client_id');
  const token = source.tokens.find(
    (known) =>
      bare(known.resource) === bare(resource ?? '') &&
      (client === undefined || client.toLowerCase() === known.client.toLowerCase()),
  );
  if (resource === undefined || token === undefined)
    return refuse(400, 'no credential of the session is for this resource');
  return json(200, {
    access_token: token.placeholder,
    client_id: token.client,
    expires_on: String(Math.floor(token.notAfter / 1000)),
    resource,
    token_type: 'Bearer',
  });
}

function bare(resource: string): string {
  return resource.replace(/\/$/, '').toLowerCase();
}
