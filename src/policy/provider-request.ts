// What each provider can be asked for: the shape of `credentials[].request`, one schema a provider.
// Invariant: an empty scope is an error. To most vendors nothing asked for means everything.
import type { ProviderName } from '../model/credential.ts';
import type { Schema } from './schema-words.ts';

const text = (description: string): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength: 1024,
  description,
});
const texts = (description: string): Schema => ({
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 1024 },
  minItems: 1,
  description,
});
/** Secrets of the host: nothing here can end one, so no `ttl` could be kept. */
const held = (properties: Record<string, Schema>, required: string[]): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length === 0 ? {} : { required }),
});

const record = (properties: Record<string, Schema>, required: string[]): Schema =>
  held({ ttl: { $ref: '#/$defs/duration' }, ...properties }, required);

/** Where the host keeps a secret that a provider needs; never a value in a policy. */
const source: Schema = {
  type: 'object',
  properties: {
    env: text('a variable of the host'),
    file: text('a file of the host; absolute or `~/…`'),
    command: texts('a program of the host and its arguments, whose output it is; no shell'),
  },
  additionalProperties: false,
  description: 'exactly one of `env`, `file` and `command`',
};

const url = (description: string): Schema => ({
  type: 'string',
  pattern: '^https?://[^\\s@?#]+$',
  maxLength: 1024,
  description,
});

export const PROVIDER_REQUESTS: Record<ProviderName, Schema> = {
  'github-app': record(
    {
      app: text("the App's client id, or its number"),
      key: source,
      repositories: texts('names, or `self`; one owner'),
      permissions: {
        type: 'object',
        additionalProperties: { enum: ['read', 'write', 'admin'] },
        description: 'as in https://docs.github.com/en/rest/apps/apps, e.g. `contents: read`',
      },
      api: url('of the server; https://api.github.com unless said'),
    },
    ['app', 'key', 'repositories', 'permissions'],
  ),
  'github-token': held({ env: text('the variable; GITHUB_TOKEN unless said') }, []),
  'octo-sts': record(
    {
      scope: text('OWNER/REPOSITORY or OWNER; `self`'),
      identity: text('the name of the trust policy there'),
      server: url('of the service; https://octo-sts.dev unless said'),
    },
    ['scope', 'identity'],
  ),
  aws: record(
    {
      role: text('ARN of the role'),
      region: text('whose STS to ask; us-east-1 unless said'),
      profile: text("a profile of the host's own configuration, in place of a workload identity"),
      actions: texts('actions of the session policy, e.g. `s3:GetObject`'),
      resources: texts('resources of the session policy, as ARNs'),
      endpoint: url('of STS, where it is not the one of the region'),
    },
    ['role', 'actions', 'resources'],
  ),
  gcp: record(
    {
      provider: text('projects/N/locations/global/workloadIdentityPools/P/providers/X'),
      'service-account': text('mail address of the service account to act as'),
      scopes: texts('OAuth scopes, as URLs'),
      buckets: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          properties: {
            bucket: text('name of a bucket'),
            permissions: texts('roles it keeps there, e.g. `inRole:roles/storage.objectViewer`'),
          },
          additionalProperties: false,
          required: ['bucket', 'permissions'],
        },
        description: 'a storage access boundary: these buckets and no others',
      },
      sts: url('https://sts.googleapis.com unless said'),
      iam: url('https://iamcredentials.googleapis.com unless said'),
    },
    ['provider', 'scopes'],
  ),
  azure: record(
    {
      tenant: text('id of the tenant'),
      client: text('id of the application'),
      scope: {
        type: 'string',
        pattern: '^[^\\s]+/\\.default$',
        description: 'one resource, `RESOURCE/.default`',
      },
      authority: url('https://login.microsoftonline.com unless said'),
    },
    ['tenant', 'client', 'scope'],
  ),
  vault: record(
    {
      url: url('of the server'),
      mount: text('of the JWT method; `jwt` unless said'),
      role: text('the role to log in as'),
      audience: text('of the token to log in with; the url unless said'),
      policies: texts('of the child token'),
      uses: { type: 'integer', minimum: 1, maximum: 1_000_000, description: 'of the child token' },
    },
    ['url', 'role', 'policies'],
  ),
  npm: record(
    {
      package: text('the one package, e.g. `@scope/name`'),
      registry: url("the host's own registry unless said"),
    },
    ['package'],
  ),
  'oauth-exchange': record(
    {
      url: url('of the token endpoint'),
      grant: { enum: ['token-exchange', 'jwt-bearer'], description: 'RFC 8693 or RFC 7523' },
      audience: text('of the token to exchange'),
      target: text('`audience` of the request (RFC 8693)'),
      resource: text('`resource` of the request (RFC 8693)'),
      scopes: texts('`scope` of the request'),
      client: text('`client_id` of the request'),
      revoke: url('revocation endpoint (RFC 7009)'),
    },
    ['url', 'grant', 'audience', 'scopes'],
  ),
  anthropic: record(
    {
      rule: text('federation_rule_id'),
      organization: text('organization_id'),
      'service-account': text('service_account_id'),
      workspace: text('workspace_id'),
      audience: text('of the token to exchange; the url unless said'),
      url: url('https://api.anthropic.com unless said'),
    },
    ['rule', 'organization', 'service-account'],
  ),
  openai: record(
    {
      'identity-provider': text('identity_provider_id'),
      'service-account': text('service_account_id'),
      audience: text('of the token to exchange; the url unless said'),
      url: url('https://auth.openai.com unless said'),
    },
    ['identity-provider', 'service-account'],
  ),
  env: held({ name: text('a variable of the host') }, ['name']),
  file: held({ path: text('a file of the host; absolute or `~/…`') }, ['path']),
  command: held({ command: texts('a program of the host and its arguments; no shell') }, [
    'command',
  ]),
};
