// The session policy that goes with a role: what the credential may do at most, whatever the role may.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
import { requestError } from './cloud-answer.ts';

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html, `Policy` */
const MAX_LENGTH = 2048;
const ACTION = /^(?:\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$/;
const RESOURCE = /^(?:\*|arn:[ -~]+)$/;

/** Throws `PROVIDER_AWS_POLICY` for what AWS would not take, before anything is asked. */
export function sessionPolicy(actions: string[], resources: string[]): string {
  if (actions.length === 0 || resources.length === 0)
    throw requestError(
      'PROVIDER_AWS_POLICY',
      'expected actions and resources, got an empty list: it would leave everything that the role may',
    );
  const action = actions.find((one) => !ACTION.test(one));
  if (action !== undefined)
    throw requestError(
      'PROVIDER_AWS_POLICY',
      `expected an action like \`s3:GetObject\`, got ${JSON.stringify(action)}`,
    );
  const resource = resources.find((one) => !RESOURCE.test(one));
  if (resource !== undefined)
    throw requestError(
      'PROVIDER_AWS_POLICY',
      `expected a resource like \`arn:aws:s3:::bucket/*\`, got ${JSON.stringify(resource)}`,
    );
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: resources }],
  });
  if (policy.length > MAX_LENGTH)
    throw requestError(
      'PROVIDER_AWS_POLICY',
      `expected a session policy of at most ${MAX_LENGTH} characters, got ${policy.length}`,
      'name fewer actions and resources, or shorten them with `*`',
    );
  return policy;
}
