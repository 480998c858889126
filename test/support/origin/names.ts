// What the origin of the client tests and their policies call things.

export const REGION = 'eu-west-1';
export const BUCKET = 'reports';
export const ROLE = 'arn:aws:iam::123456789012:role/agent';
export const GOOGLE_PROVIDER =
  'projects/1/locations/global/workloadIdentityPools/ci/providers/github';
export const AZURE = {
  tenant: '11111111-1111-4111-8111-111111111111',
  client: '22222222-2222-4222-8222-222222222222',
};
export const VAULT = 'acme.vault.azure.net';
export const NPM = 'packages.example.com';
/** as in a path */
export const PACKAGE = '@acme%2flib';
export const IMAGES = 'images.example.com';
export const TOKENS = 'auth.example.com';
/** Registries that lead to another host, and to another path, than passwords are for. */
export const BENT_HOST = 'bent-host.example.com';
export const BENT_PATH = 'bent-path.example.com';
export const STRANGER = 'elsewhere.example.net';
export const REALM = `https://${TOKENS}/token`;
export const REALMS = {
  [IMAGES]: REALM,
  [BENT_HOST]: `https://${STRANGER}/token`,
  [BENT_PATH]: `https://${TOKENS}/other`,
};
export const IMAGES_USER = 'robot';
/** All names that the origin answers for. */
export const HOSTS: readonly [string, ...string[]] = [
  'token.actions.githubusercontent.com',
  'pipelines.actions.example',
  'api.github.com',
  'github.com',
  'sts.us-east-1.amazonaws.com',
  `s3.${REGION}.amazonaws.com`,
  'sts.googleapis.com',
  'iamcredentials.googleapis.com',
  'storage.googleapis.com',
  'login.microsoftonline.com',
  VAULT,
  'api.anthropic.com',
  'api.openai.com',
  NPM,
  IMAGES,
  TOKENS,
  BENT_HOST,
  BENT_PATH,
  STRANGER,
];
