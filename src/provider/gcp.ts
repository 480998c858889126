// Google Cloud: the workload's identity for a federated token, that for a service account's token where one is named, and
// that for one that reaches certain buckets only where buckets are named. Google has no way to end any of them early.
// https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
// https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
// https://cloud.google.com/iam/docs/downscoping-short-lived-credentials
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
import type { HttpResponse } from './http.ts';
import type { MintContext, Minted, Provider } from './provider.ts';

interface GcpRequest {
  provider: string;
  'service-account'?: string;
  scopes: string[];
  buckets?: { bucket: string; permissions: string[] }[];
  sts?: string;
  iam?: string;
}

interface Token {
  value: string;
  /** milliseconds since the epoch; absent where the answer does not say */
  end?: number;
}

const STS = 'Google STS';
const IAM = 'Google IAM credentials';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const PROVIDER =
  /^projects\/\d{1,20}\/locations\/global\/workloadIdentityPools\/[a-z0-9-]{1,64}\/providers\/[a-z0-9-]{1,64}$/;
const ACCOUNT = /^[a-z0-9-]{1,64}@[a-z0-9.:-]{1,128}\.gserviceaccount\.com$/;
const SCOPE = /^[!-~]+$/;
const STORAGE_SCOPE =
  /^https:\/\/www\.googleapis\.com\/auth\/(?:cloud-platform|devstorage\.[a-z_]+)$/;
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;
const PERMISSION =
  /^inRole:(?:roles|projects\/[a-z0-9.:-]+\/roles|organizations\/\d+\/roles)\/[\w.]+$/;
/** https://cloud.google.com/iam/docs/downscoping-short-lived-credentials#components */
const MAX_RULES = 10;
/** Seconds. */
const LIFETIME = 900;
const SHORTEST = 60;
const LONGEST = 3600;
/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2, and the statuses of Google's APIs */
const CODES = [
  ...['invalid_request', 'invalid_client', 'invalid_grant', 'invalid_scope', 'invalid_target'],
  ...['unauthorized_client', 'access_denied', 'PERMISSION_DENIED', 'INVALID_ARGUMENT', 'NOT_FOUND'],
  'UNAUTHENTICATED',
];

export const gcp: Provider = { name: 'gcp', mint };

async function mint(context: MintContext): Promise<Minted> {
  const request = context.request as unknown as GcpRequest;
  check(request);
  const sts = `${request.sts ?? 'https://sts.googleapis.com'}/v1/token`;
  const account = request['service-account'];
  const identity = await context.idToken(`https://iam.googleapis.com/${request.provider}`);

  let token = await exchange(context, sts, {
    audience: `//iam.googleapis.com/${request.provider}`,
    // A service account's token has scopes of its own; the one that asks for it needs this one.
    scope: account === undefined ? request.scopes.join(' ') : CLOUD_PLATFORM,
    subject_token_type: JWT,
    subject_token: identity.reveal(),
  });
  if (account !== undefined) token = await impersonate(context, request, account, token);
  if (request.buckets !== undefined)
    token = withEnd(
      await exchange(context, sts, {
        subject_token_type: ACCESS_TOKEN,
        subject_token: token.value,
        options: JSON.stringify({ accessBoundary: boundary(request.buckets) }),
      }),
      token.end,
    );

  const now = context.now();
  if (token.end === undefined || token.end <= now)
    throw upstreamError('PROVIDER_ANSWER', STS, 'expected a token with time left in the answer');
  const scope = {
    scopes: request.scopes,
    ...(account === undefined ? {} : { serviceAccount: account }),
    ...(request.buckets === undefined ? {} : { buckets: request.buckets }),
  };
  return {
    material: { kind: 'token', token: new Secret(token.value) },
    kind: account === undefined ? 'federated access token' : 'service account access token',
    notAfter: endOf(token.end, now, context.ttl),
    requested: scope,
    granted: scope,
  };
}

function check(request: GcpRequest): void {
  const { provider, scopes, buckets } = request;
  if (!PROVIDER.test(provider))
    throw requestError(
      'PROVIDER_GCP_REQUEST',
      'expected `provider` to be projects/N/locations/global/workloadIdentityPools/P/providers/X',
    );
  const account = request['service-account'];
  if (account !== undefined && !ACCOUNT.test(account))
    throw requestError(
      'PROVIDER_GCP_REQUEST',
      'expected `service-account` to be the mail address of a service account',
    );
  if (scopes.length === 0 || !scopes.every((scope) => SCOPE.test(scope)))
    throw requestError('PROVIDER_GCP_REQUEST', 'expected `scopes` to be a list of OAuth scopes');
  if (buckets === undefined) return;
  if (buckets.length === 0 || buckets.length > MAX_RULES)
    throw requestError(
      'PROVIDER_GCP_BUCKETS',
      `expected 1 to ${MAX_RULES} buckets, got ${buckets.length}`,
    );
  for (const { bucket, permissions } of buckets)
    if (
      !BUCKET.test(bucket) ||
      permissions.length === 0 ||
      !permissions.every((one) => PERMISSION.test(one))
    )
      throw requestError(
        'PROVIDER_GCP_BUCKETS',
        'expected `buckets` to be names of buckets with permissions like `inRole:roles/storage.objectViewer`',
      );
  const foreign = scopes.find((scope) => !STORAGE_SCOPE.test(scope));
  if (foreign !== undefined)
    throw requestError(
      'PROVIDER_GCP_BUCKETS',
      `\`buckets\` bounds Cloud Storage and nothing else, but \`scopes\` has ${foreign}`,
      'use a service account with fewer roles for other services, in a credential of its own',
    );
}

function boundary(buckets: { bucket: string; permissions: string[] }[]) {
  return {
    accessBoundaryRules: buckets.map(({ bucket, permissions }) => ({
      availableResource: `//storage.googleapis.com/projects/_/buckets/${bucket}`,
      availablePermissions: permissions,
    })),
  };
}

async function exchange(
  context: MintContext,
  url: string,
  fields: Record<string, string>,
): Promise<Token> {
  const answer = await context.http({
    method: 'POST',
    url,
    ...form({ grant_type: EXCHANGE, requested_token_type: ACCESS_TOKEN, ...fields }),
    signal: context.signal,
  });
  if (answer.status !== 200) throw refusal(STS, answer);
  const read = fieldsOf(readObject(answer, STS), STS);
  const type = read.own('issued_token_type');
  if (type !== undefined && type !== ACCESS_TOKEN)
    throw upstreamError('PROVIDER_ANSWER', STS, 'expected an access token in the answer');
  checkScope(read.own('scope'), fields['scope']);
  const value = read.token('access_token');
  return read.own('expires_in') === undefined
    ? { value }
    : { value, end: context.now() + read.seconds('expires_in') * 1000 };
}

/** RFC 6749, section 5.1: said where it is not what was asked for. */
function checkScope(granted: unknown, requested: string | undefined): void {
  if (granted === undefined || granted === '' || requested === undefined) return;
  const asked = requested.split(' ');
  const isWithin =
    typeof granted === 'string' && granted.split(' ').every((scope) => asked.includes(scope));
  if (!isWithin)
    throw upstreamError('PROVIDER_SURPLUS', STS, 'granted other scopes than were asked for');
}

async function impersonate(
  context: MintContext,
  request: GcpRequest,
  account: string,
  { value }: Token,
): Promise<Token> {
  const { ttl } = context;
  const seconds = ttl === undefined ? LIFETIME : Math.floor(ttl / 1000);
  const lifetime = `${Math.min(Math.max(seconds, SHORTEST), LONGEST)}s`;
  const base = request.iam ?? 'https://iamcredentials.googleapis.com';
  const answer = await context.http({
    method: 'POST',
    url: `${base}/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateAccessToken`,
    headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: request.scopes, lifetime }),
    signal: context.signal,
  });
  if (answer.status !== 200) throw refusal(IAM, answer);
  const read = fieldsOf(readObject(answer, IAM), IAM);
  const time = read.own('expireTime');
  const end = typeof time === 'string' ? Date.parse(time) : NaN;
  if (!Number.isFinite(end))
    throw upstreamError('PROVIDER_ANSWER', IAM, 'expected `expireTime` in the answer to be a time');
  return { value: read.token('accessToken'), end };
}

/** A token made from another ends with it at the latest. */
function withEnd(token: Token, source: number | undefined): Token {
  const ends = [token.end, source].filter((end) => end !== undefined);
  return ends.length === 0 ? token : { ...token, end: Math.min(...ends) };
}

function refusal(what: string, answer: HttpResponse): Error {
  const error = tryObject(answer)?.['error'];
  const said =
    typeof error === 'object' && error !== null && 'status' in error ? error.status : error;
  return statusError(what, answer.status, typeof said === 'string' ? said : undefined, CODES);
}
