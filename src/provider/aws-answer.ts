// What AWS STS answers, in JSON or XML: the credentials it made, or why it did not.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
import type { Json, JsonObject } from '../model/credential.ts';
import { readXml } from './aws-xml.ts';
import {
  fieldsOf,
  isJson,
  isObject,
  statusError,
  tryObject,
  upstreamError,
} from './cloud-answer.ts';
import type { HttpResponse } from './http.ts';

export interface AssumedRole {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** milliseconds since the epoch */
  expiration: number;
  /** of the session, as CloudTrail shows it */
  arn: string;
}

const WHAT = 'AWS STS';
const CODES = [
  ...['AccessDenied', 'AccessDeniedException', 'ExpiredToken', 'ExpiredTokenException'],
  ...['IDPCommunicationError', 'IDPRejectedClaim', 'InternalFailure', 'InvalidClientTokenId'],
  ...['InvalidIdentityToken', 'MalformedPolicyDocument', 'PackedPolicyTooLarge'],
  ...['RegionDisabledException', 'ServiceUnavailable', 'SignatureDoesNotMatch'],
  ...['Throttling', 'ThrottlingException', 'ValidationError'],
];

/** `action`: what was asked, e.g. `AssumeRole`; `policyLength`: of the session policy, in characters. */
export function readAssumedRole(
  response: HttpResponse,
  action: string,
  policyLength: number,
): AssumedRole {
  const answer = isJson(response) ? tryObject(response) : readXml(response.body);
  if (response.status !== 200) throw refusal(response.status, answer, policyLength);
  if (answer === undefined)
    throw upstreamError('PROVIDER_ANSWER', WHAT, 'expected JSON or XML in the answer');
  const result = fieldsOf(
    fieldsOf(fieldsOf(answer, WHAT).object(`${action}Response`), WHAT).object(`${action}Result`),
    WHAT,
  );
  const credentials = fieldsOf(result.object('Credentials'), WHAT);
  return {
    accessKeyId: credentials.token('AccessKeyId'),
    secretAccessKey: credentials.token('SecretAccessKey'),
    sessionToken: credentials.token('SessionToken'),
    expiration: timeOf(credentials.own('Expiration')),
    arn: fieldsOf(result.object('AssumedRoleUser'), WHAT).token('Arn'),
  };
}

/** Seconds since the epoch in JSON, ISO 8601 in XML. */
function timeOf(value: Json | undefined): number {
  const time =
    typeof value === 'number'
      ? value * 1000
      : typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(value)
        ? Date.parse(value)
        : NaN;
  if (!Number.isFinite(time) || time <= 0 || time > 8e15)
    throw upstreamError(
      'PROVIDER_ANSWER',
      WHAT,
      'expected `Expiration` in the answer to be a time',
    );
  return Math.floor(time);
}

function refusal(status: number, answer: JsonObject | undefined, policyLength: number): Error {
  const outer = answer?.['ErrorResponse'];
  const error = (isObject(outer) ? outer : answer)?.['Error'];
  const code = isObject(error) && typeof error['Code'] === 'string' ? error['Code'] : undefined;
  if (code === 'PackedPolicyTooLarge')
    return upstreamError(
      'PROVIDER_AWS_POLICY',
      WHAT,
      `got ${status} (PackedPolicyTooLarge) for a session policy of ${policyLength} characters`,
      'name fewer actions and resources',
    );
  return statusError(WHAT, status, code, CODES);
}
