// Google's token exchange and IAM credentials:
// https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
// https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
import { bodyOf, formOf, jsonAnswer, listen } from './listen.ts';
import type { Cloud, CloudAnswer, CloudRequest } from './listen.ts';
import { isWorkloadToken } from './workload.ts';
import type { TokenCheck } from './workload.ts';

export interface GoogleOptions {
  provider: string;
  account?: string;
  /** what it grants; further ones are made of it */
  token: string;
  /** what the answer says was granted */
  scope?: string;
  /** leaves the life of a bounded token out, as Google does */
  isBoundedSilent?: boolean;
  /** instead of the tokens of `workload.ts` */
  isToken?: TokenCheck;
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

export function startGoogle(options: GoogleOptions): Promise<Cloud> {
  return listen((request) => {
    if (request.target === '/v1/token') return exchange(options, request);
    const account = /^\/v1\/projects\/-\/serviceAccounts\/(.*):generateAccessToken$/.exec(
      request.target,
    )?.[1];
    return account === undefined
      ? refusal(404, 'NOT_FOUND', options)
      : generate(options, request, decodeURIComponent(account));
  });
}

async function exchange(options: GoogleOptions, request: CloudRequest): Promise<CloudAnswer> {
  const fields = formOf(request) ?? {};
  const oauth = (error: string): CloudAnswer =>
    jsonAnswer(400, { error, error_description: `refused ${options.token}` });
  if (request.method !== 'POST' || fields['grant_type'] !== EXCHANGE)
    return oauth('invalid_request');
  if (fields['requested_token_type'] !== ACCESS_TOKEN) return oauth('invalid_request');

  if (fields['subject_token_type'] === ACCESS_TOKEN) {
    const { accessBoundary } = JSON.parse(fields['options'] ?? '{}') as {
      accessBoundary?: { accessBoundaryRules?: unknown[] };
    };
    if (fields['subject_token']?.startsWith(options.token) !== true) return oauth('invalid_grant');
    if (!accessBoundary?.accessBoundaryRules?.length) return oauth('invalid_request');
    return jsonAnswer(200, {
      access_token: `${fields['subject_token']}.bounded`,
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      ...(options.isBoundedSilent === true ? {} : { expires_in: 600 }),
    });
  }
  if (fields['audience'] !== `//iam.googleapis.com/${options.provider}`)
    return oauth('invalid_target');
  if (fields['subject_token_type'] !== 'urn:ietf:params:oauth:token-type:jwt' || !fields['scope'])
    return oauth('invalid_request');
  const isToken = options.isToken ?? isWorkloadToken;
  if (!(await isToken(fields['subject_token'], `https://iam.googleapis.com/${options.provider}`)))
    return oauth('invalid_grant');
  return jsonAnswer(200, {
    access_token: options.token,
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
    expires_in: 3599,
    ...(options.scope === undefined ? {} : { scope: options.scope }),
  });
}

function generate(options: GoogleOptions, request: CloudRequest, account: string): CloudAnswer {
  if (request.headers.authorization !== `Bearer ${options.token}`)
    return refusal(401, 'UNAUTHENTICATED', options);
  if (account !== options.account) return refusal(403, 'PERMISSION_DENIED', options);
  const { scope, lifetime } = bodyOf(request) ?? {};
  const seconds = Number(/^(\d+)s$/.exec(String(lifetime))?.[1]);
  if (!Array.isArray(scope) || scope.length === 0 || !(seconds > 0 && seconds <= 3600))
    return refusal(400, 'INVALID_ARGUMENT', options);
  return jsonAnswer(200, {
    accessToken: `${options.token}.account`,
    expireTime: new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, ''),
  });
}

function refusal(code: number, status: string, { token }: GoogleOptions): CloudAnswer {
  return jsonAnswer(code, { error: { code, message: `refused ${token}`, status } });
}
