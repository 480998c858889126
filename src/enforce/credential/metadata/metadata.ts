// One server for what the clouds' SDKs ask of their surroundings, and the variables that lead them to it. It hands out
// placeholders only; the real metadata addresses stay denied.
import { answerAws } from './aws.ts';
import type { AwsMetadata } from './aws.ts';
import { answerAzure } from './azure.ts';
import type { AzureMetadata } from './azure.ts';
import { answerGoogle, isGooglePath } from './google.ts';
import type { GoogleMetadata } from './google.ts';
import { text } from './message.ts';
import type { MetadataAnswer, MetadataRequest } from './message.ts';

export interface Metadata {
  /** one a credential, told apart by path */
  aws?: AwsMetadata[];
  google?: GoogleMetadata;
  azure?: AzureMetadata;
}

/** `now`: milliseconds since the epoch. */
export function answerMetadata(
  request: MetadataRequest,
  metadata: Metadata,
  now: number,
): MetadataAnswer {
  const aws = metadata.aws?.find(({ path }) => path === request.path);
  if (aws !== undefined) return answerAws(request, aws);
  if (metadata.azure?.path === request.path) return answerAzure(request, metadata.azure);
  if (metadata.google !== undefined && isGooglePath(request.path))
    return answerGoogle(request, metadata.google, now);
  return text(404, 'not found');
}

/**
 * What leads SDKs here. `authority`: address or name, with the port where it is not 80. AWS SDKs take plain HTTP from a
 * loopback address, 169.254.170.2 and 169.254.170.23 alone. Of several credentials of AWS the first is the default one.
 */
export function metadataVariables(authority: string, metadata: Metadata): Record<string, string> {
  const variables: Record<string, string> = {};
  const aws = metadata.aws?.[0];
  if (aws !== undefined) {
    variables['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `http://${authority}${aws.path}`;
    variables['AWS_CONTAINER_AUTHORIZATION_TOKEN'] = aws.token;
    variables['AWS_EC2_METADATA_DISABLED'] = 'true';
  }
  if (metadata.google !== undefined) {
    variables['GCE_METADATA_HOST'] = authority;
    variables['GCE_METADATA_IP'] = authority;
    // https://cloud.google.com/nodejs/docs/reference/gcp-metadata/latest/overview
    variables['METADATA_SERVER_DETECTION'] = 'assume-present';
  }
  if (metadata.azure !== undefined) {
    variables['IDENTITY_ENDPOINT'] = `http://${authority}${metadata.azure.path}`;
    variables['IDENTITY_HEADER'] = metadata.azure.secret;
  }
  return variables;
}
