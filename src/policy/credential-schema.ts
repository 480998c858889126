// The shape of an entry of `credentials`, and of a ceiling's entry, whose absent keys bound nothing.
import { PROVIDERS } from '../model/credential.ts';
import { PROVIDER_REQUESTS } from './provider-request.ts';
import { list, oneOrMore, record, ref, type Schema, section, text } from './schema-words.ts';

const bind = record(
  {
    host: oneOrMore(text('a host name; wildcards are refused'), 'exactly these hosts'),
    ports: oneOrMore(
      { type: 'integer', minimum: 1, maximum: 65535 },
      '443 unless said; always TLS',
    ),
    methods: list(
      {
        type: 'string',
        pattern: '^[A-Z][A-Z0-9_-]*$',
        description: 'an HTTP method in upper case',
      },
      'any method when absent',
    ),
    paths: list(
      text('a path such as /repos/{self}/**, where `{self}` is the repository of the run'),
      'any path when absent',
    ),
    limit: { ...ref('rate'), description: 'how many requests get the value' },
    headers: list(
      { type: 'string', pattern: '^[A-Za-z0-9-]{1,64}$', description: 'the name of a header' },
      'where the placeholder may stand; Authorization and X-Api-Key unless said',
    ),
    sign: record(
      {
        service: { type: 'string', pattern: '^[a-z0-9-]{1,64}$', description: 'such as s3' },
        region: { type: 'string', pattern: '^[a-z0-9-]{1,64}$', description: 'such as eu-west-1' },
      },
      ['service', 'region'],
      'aws: what requests are signed for',
    ),
    seal: {
      type: 'boolean',
      description: 'the answer holds a token, and the guest gets a placeholder for that as well',
    },
  },
  ['host'],
);

const expose = section(
  {
    env: list(
      { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$', description: 'a variable' },
      'variables of the guest that hold the placeholder',
    ),
    git: {
      type: ['array', 'null'],
      items: {
        anyOf: [
          text('a host name'),
          record(
            {
              host: text('a host name'),
              verbs: list({ enum: ['fetch', 'push'] }, 'fetch unless said'),
            },
            ['host'],
          ),
        ],
      },
      description: 'hosts for which git gets the placeholder',
    },
    metadata: {
      type: 'boolean',
      description: 'placeholders at the address where SDKs look by themselves',
    },
  },
  'where the guest finds the placeholder',
);

const keys: Record<string, Schema> = {
  id: ref('id'),
  provider: { enum: [...PROVIDERS] },
  request: { type: 'object', description: 'what to ask the provider for' },
  expose,
  bind: list(bind, 'the only places where the real value is put in'),
  reason: ref('reason'),
};

const byProvider = (change: (schema: Schema) => Schema): { if: Schema; then: Schema }[] =>
  PROVIDERS.map((name) => ({
    if: { properties: { provider: { const: name } } },
    then: { properties: { request: change(PROVIDER_REQUESTS[name]) } },
  }));

export const credential: Schema = {
  ...record(keys, ['id', 'provider', 'request']),
  allOf: byProvider((schema) => schema),
};

export const credentialCeiling: Schema = {
  ...record(
    keys,
    ['provider'],
    'a credential that lower layers may ask for; what it does not say is free, but for where a secret of the host comes from (key, env, name, path, command, profile) and where it is shown (url, api, server and their like)',
  ),
  allOf: byProvider(({ required: _, ...schema }) => schema),
};
