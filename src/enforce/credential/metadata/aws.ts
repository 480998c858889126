// The credentials of an ECS or EKS container, as AWS SDKs ask for them: placeholders, which a signature is checked against.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
import type { SigningKeys } from '../../../provider/sigv4/sign.ts';
import { isSame, json } from './message.ts';
import type { MetadataAnswer, MetadataRequest } from './message.ts';

export interface AwsMetadata {
  /** where they are asked for, e.g. `/v1/credentials/ID` */
  path: string;
  /** what `authorization` must be */
  token: string;
  placeholder: SigningKeys & { sessionToken: string };
  /** when SDKs come back for new ones; milliseconds since the epoch */
  notAfter: number;
}

export function answerAws(request: MetadataRequest, source: AwsMetadata): MetadataAnswer {
  if (!isSame(request.headers['authorization'], source.token))
    return json(401, {
      code: 'Unauthorized',
      message: 'the authorization token is missing or wrong',
    });
  if (request.method !== 'GET') return json(405, { code: 'MethodNotAllowed', message: 'use GET' });
  return json(200, {
    AccessKeyId: source.placeholder.accessKeyId,
    SecretAccessKey: source.placeholder.secretAccessKey,
    Token: source.placeholder.sessionToken,
    Expiration: new Date(source.notAfter).toISOString().replace(/\.\d+Z$/, 'Z'),
  });
}
