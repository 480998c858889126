// AWS: temporary keys of a role, held down by a session policy. By the workload's identity where there is one
// (AssumeRoleWithWebIdentity), or by a profile of the host (AssumeRole).
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
import { createHash } from 'node:crypto';

import { Secret } from '../model/secret.ts';
import { readAssumedRole } from './aws-answer.ts';
import type { AssumedRole } from './aws-answer.ts';
import { sessionPolicy } from './aws-policy.ts';
import { readProfile } from './aws-profile.ts';
import { endOf, form, requestError, upstreamError } from './cloud-answer.ts';
import type { HttpResponse } from './http.ts';
import type { MintContext, Minted, Provider } from './provider.ts';
import { amzDate, sign } from './sigv4/sign.ts';

interface AwsRequest {
  role: string;
  region?: string;
  profile?: string;
  actions: string[];
  resources: string[];
  endpoint?: string;
}

const AUDIENCE = 'sts.amazonaws.com';
const VERSION = '2011-06-15';
const ROLE = /^arn:(aws[a-z-]*):iam::(\d{12}):role\/(?:[!-~]+\/)?([\w+=,.@-]{1,64})$/;
const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d$/;
/** Seconds; what STS takes. */
const SHORTEST = 900;
const LONGEST = 12 * 3600;
/** Of a role assumed with the keys of another: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html */
const LONGEST_CHAINED = 3600;

export const aws: Provider = { name: 'aws', mint };

async function mint(context: MintContext): Promise<Minted> {
  const request = context.request as unknown as AwsRequest;
  const { role, region = 'us-east-1' } = request;
  const [, partition, account, roleName] = ROLE.exec(role) ?? [];
  if (partition === undefined || account === undefined || roleName === undefined)
    throw requestError(
      'PROVIDER_AWS_ROLE',
      'expected `role` to be `arn:aws:iam::ACCOUNT:role/NAME`',
    );
  if (!REGION.test(region))
    throw requestError('PROVIDER_AWS_REGION', 'expected `region` to be a region like `us-east-1`');
  const policy = sessionPolicy(request.actions, request.resources);
  const fields = {
    Version: VERSION,
    RoleArn: role,
    RoleSessionName: context.sessionName,
    Policy: policy,
  };
  const asked = context.ttl === undefined ? SHORTEST : Math.floor(context.ttl / 1000);
  const seconds = Math.min(Math.max(asked, SHORTEST), LONGEST);

  const assumed =
    request.profile === undefined
      ? await byIdentity(context, request, region, fields, seconds)
      : await byProfile(context, request, request.profile, region, fields, seconds);
  const arn = `arn:${partition}:sts::${account}:assumed-role/${roleName}/${context.sessionName}`;
  // Nothing ends such keys early; they are let go of unused.
  if (assumed.arn !== arn)
    throw upstreamError(
      'PROVIDER_SURPLUS',
      'AWS STS',
      'granted another role or session than was asked for',
    );
  const now = context.now();
  if (assumed.expiration <= now)
    throw upstreamError('PROVIDER_ANSWER', 'AWS STS', 'granted keys that have ended already');

  const scope = { role, actions: request.actions, resources: request.resources };
  return {
    material: {
      kind: 'aws',
      accessKeyId: assumed.accessKeyId,
      secretAccessKey: new Secret(assumed.secretAccessKey),
      sessionToken: new Secret(assumed.sessionToken),
    },
    kind: 'temporary keys of a role',
    notAfter: endOf(assumed.expiration, now, context.ttl),
    requested: scope,
    // The session policy holds whatever the role may: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html
    granted: scope,
    correlation: { assumedRole: assumed.arn, accessKeyId: assumed.accessKeyId },
  };
}

async function byIdentity(
  context: MintContext,
  request: AwsRequest,
  region: string,
  fields: Record<string, string>,
  seconds: number,
): Promise<AssumedRole> {
  const action = 'AssumeRoleWithWebIdentity';
  const token = await context.idToken(AUDIENCE);
  // In the body: a token in a URL ends in access logs.
  const { headers, body } = form({
    Action: action,
    ...fields,
    DurationSeconds: String(seconds),
    WebIdentityToken: token.reveal(),
  });
  const answer = await send(context, endpointOf(request, region), Object.entries(headers), body);
  return readAssumedRole(answer, action, fields['Policy']?.length ?? 0);
}

async function byProfile(
  context: MintContext,
  request: AwsRequest,
  profile: string,
  region: string,
  fields: Record<string, string>,
  seconds: number,
): Promise<AssumedRole> {
  const action = 'AssumeRole';
  const keys = await readProfile(profile, context);
  const longest = keys.sessionToken === undefined ? LONGEST : LONGEST_CHAINED;
  const { headers, body } = form({
    Action: action,
    ...fields,
    DurationSeconds: String(Math.min(seconds, longest)),
  });
  const url = endpointOf(request, region);
  const signed = sign(
    {
      method: 'POST',
      host: url.host,
      path: url.pathname,
      query: '',
      headers: Object.entries(headers),
    },
    keys,
    {
      service: 'sts',
      region,
      date: amzDate(context.now()),
      payload: createHash('sha256').update(body).digest('hex'),
    },
  );
  if (signed === undefined)
    throw requestError('PROVIDER_AWS_ENDPOINT', 'expected `endpoint` to be a plain URL');
  return readAssumedRole(
    await send(context, url, signed, body),
    action,
    fields['Policy']?.length ?? 0,
  );
}

/** https://docs.aws.amazon.com/general/latest/gr/sts.html */
function endpointOf({ endpoint }: AwsRequest, region: string): URL {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(endpoint ?? `https://sts.${region}.${suffix}/`);
}

function send(
  { http, signal }: MintContext,
  url: URL,
  headers: [string, string][],
  body: string,
): Promise<HttpResponse> {
  return http({
    method: 'POST',
    url: url.href,
    headers: Object.fromEntries(headers),
    body,
    signal,
  });
}
