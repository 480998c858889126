// AWS STS: AssumeRoleWithWebIdentity and AssumeRole, as
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html has them.
import { formOf, jsonAnswer, listen } from './listen.ts';
import type { Cloud, CloudAnswer, CloudRequest } from './listen.ts';
import { signatureFault } from './signed.ts';
import type { Keys } from './signed.ts';
import { isWorkloadToken } from './workload.ts';
import type { TokenCheck } from './workload.ts';

export interface StsOptions {
  role: string;
  /** what it grants */
  keys: Required<Keys>;
  /** of the host's profile, for AssumeRole */
  profileKeys?: Keys;
  region?: string;
  format?: 'json' | 'xml';
  /** seconds, whatever is asked for */
  lifetime?: number;
  /** characters; a longer policy is too large when packed */
  packedLimit?: number;
  /** put into the names of what is granted */
  assumedRole?: string;
  /** instead of the tokens of `workload.ts` */
  isToken?: TokenCheck;
  tls?: { key: string; cert: string };
}

const VERSION = '2011-06-15';

export function startSts(options: StsOptions): Promise<Cloud> {
  return listen(async (request) => {
    const fields = formOf(request);
    const action = fields?.['Action'] ?? '';
    const fault = await faultOf(options, request, fields ?? {});
    if (fault !== undefined) return refusal(options, fault);
    return granted(options, action, fields ?? {});
  }, options.tls);
}

async function faultOf(
  options: StsOptions,
  request: CloudRequest,
  fields: Record<string, string>,
): Promise<string | undefined> {
  if (request.method !== 'POST' || request.target !== '/') return 'ValidationError';
  if (fields['Version'] !== VERSION || fields['RoleArn'] !== options.role) return 'ValidationError';
  if (!/^[\w+=,.@-]{2,64}$/.test(fields['RoleSessionName'] ?? '')) return 'ValidationError';
  const seconds = Number(fields['DurationSeconds']);
  if (!(seconds >= 900 && seconds <= 43_200)) return 'ValidationError';
  const policy = fields['Policy'] ?? '';
  if (policy.length === 0 || policy.length > 2048) return 'ValidationError';
  try {
    const { Version, Statement } = JSON.parse(policy) as { Version: string; Statement: unknown[] };
    if (Version !== '2012-10-17' || Statement.length === 0) return 'MalformedPolicyDocument';
  } catch {
    return 'MalformedPolicyDocument';
  }
  if (policy.length > (options.packedLimit ?? Infinity)) return 'PackedPolicyTooLarge';
  if (fields['Action'] === 'AssumeRoleWithWebIdentity')
    return (await (options.isToken ?? isWorkloadToken)(
      fields['WebIdentityToken'],
      'sts.amazonaws.com',
    ))
      ? undefined
      : 'InvalidIdentityToken';
  if (fields['Action'] !== 'AssumeRole' || options.profileKeys === undefined) return 'AccessDenied';
  const scope = { service: 'sts', region: options.region ?? 'us-east-1' };
  return signatureFault(request, options.profileKeys, scope);
}

function granted(options: StsOptions, action: string, fields: Record<string, string>): CloudAnswer {
  const { keys, lifetime = Number(fields['DurationSeconds']) } = options;
  const expiration = Math.floor(Date.now() / 1000) + lifetime;
  const name = options.assumedRole ?? options.role.replace(/^.*\//, '');
  const account = options.role.split(':')[4] ?? '';
  const arn = `arn:aws:sts::${account}:assumed-role/${name}/${fields['RoleSessionName']}`;
  if (options.format === 'xml')
    return {
      status: 200,
      headers: { 'content-type': 'text/xml' },
      body: `<${action}Response xmlns="https://sts.amazonaws.com/doc/${VERSION}/">
  <${action}Result>
    <Credentials>
      <AccessKeyId>${keys.accessKeyId}</AccessKeyId>
      <SecretAccessKey>${keys.secretAccessKey}</SecretAccessKey>
      <SessionToken>${keys.sessionToken}</SessionToken>
      <Expiration>${new Date(expiration * 1000).toISOString().replace('.000', '')}</Expiration>
    </Credentials>
    <AssumedRoleUser>
      <AssumedRoleId>AROAEXAMPLE:${fields['RoleSessionName']}</AssumedRoleId>
      <Arn>${arn}</Arn>
    </AssumedRoleUser>
    <PackedPolicySize>12</PackedPolicySize>
  </${action}Result>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</${action}Response>`,
    };
  return jsonAnswer(200, {
    [`${action}Response`]: {
      [`${action}Result`]: {
        Credentials: {
          AccessKeyId: keys.accessKeyId,
          SecretAccessKey: keys.secretAccessKey,
          SessionToken: keys.sessionToken,
          Expiration: expiration,
        },
        AssumedRoleUser: { Arn: arn, AssumedRoleId: `AROAEXAMPLE:${fields['RoleSessionName']}` },
        PackedPolicySize: 12,
      },
      ResponseMetadata: { RequestId: '1' },
    },
  });
}

/** With the keys in its text: no error may repeat it. */
function refusal({ format, keys }: StsOptions, code: string): CloudAnswer {
  const status = ['AccessDenied', 'SignatureDoesNotMatch', 'InvalidAccessKeyId'].includes(code)
    ? 403
    : 400;
  const message = `refused ${keys.secretAccessKey}`;
  if (format !== 'xml')
    return jsonAnswer(status, { Error: { Code: code, Message: message, Type: 'Sender' } });
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/${VERSION}/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`;
  return { status, headers: { 'content-type': 'text/xml' }, body };
}
