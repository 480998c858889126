// The one JSON Schema of a policy file: what `policy schema` publishes and editors complete is what is validated with.
import { credential, credentialCeiling } from './credential-schema.ts';
import { argument, mcp, mcpCeiling, mcpRule, mcpServer, mcpServerCeiling } from './mcp-schema.ts';
import { DURATION_PATTERN, RATE_PATTERN, SIZE_PATTERN } from './quantity.ts';
import { list, oneOrMore, record, ref, type Schema, section, text } from './schema-words.ts';

const names: Record<string, Schema> = {
  id: {
    type: 'string',
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
    description: 'a name for the rule, by which records and messages call it',
  },
  reason: {
    type: 'string',
    minLength: 1,
    maxLength: 500,
    description: 'one sentence for whoever is denied',
  },
  size: { type: 'string', pattern: SIZE_PATTERN, description: 'a size such as 4GiB' },
  duration: { type: 'string', pattern: DURATION_PATTERN, description: 'a duration such as 60m' },
  rate: { type: 'string', pattern: RATE_PATTERN, description: 'how often, such as 20/session' },
};

const networkRule = record({
  id: ref('id'),
  host: oneOrMore(
    text(
      'a host name, `*.x` (one label), or `**.x` (one label or more); `host.sandbox.internal` is the loopback of the host itself, and only its name stands for it',
    ),
    'which hosts',
  ),
  cidr: oneOrMore(text('a block of addresses such as 10.20.0.0/16'), 'which addresses'),
  ports: oneOrMore(
    { type: 'integer', minimum: 1, maximum: 65535 },
    '80 and 443 unless said; every port in a deny',
  ),
  protocol: {
    enum: ['tcp', 'udp'],
    description:
      'udp: datagrams, to the ports stated, which are never read; absent in an allow: tcp, in a deny: both',
  },
  methods: list(
    { type: 'string', pattern: '^[A-Z][A-Z0-9_-]*$', description: 'an HTTP method in upper case' },
    'the rule speaks of HTTP requests with these methods, exactly: GET does not include HEAD; any method when absent, none when empty',
  ),
  paths: list(
    text(
      'a path such as /repos/acme/**: `*` within a segment, `**` any number of segments, none included',
    ),
    'the rule speaks of HTTP requests to these paths, without query; any path when absent, none when empty. A trailing slash makes no difference; an allow tells upper from lower case, a deny does not',
  ),
  limit: {
    ...ref('rate'),
    description:
      'allow only: how many requests, or connections where the rule has neither methods nor paths. Of several rules that match, each counts and all must have room; a ceiling may count, too',
  },
  egress: { ...ref('size'), description: 'allow only: bytes out with what the rule speaks of' },
  reason: ref('reason'),
});

const filesystemRule = record(
  {
    id: ref('id'),
    path: text('relative to the workspace, `~/…`, or absolute; `*` within a segment, `**` across'),
    access: {
      enum: ['read', 'write', 'private'],
      description:
        'read, write (includes read), or private: read, and write to a copy that belongs to the session',
    },
    reason: ref('reason'),
  },
  ['path'],
);

const executionRule = record(
  {
    id: ref('id'),
    path: text('a path, or a bare name that matches the file name anywhere'),
    reason: ref('reason'),
  },
  ['path'],
);

const defs: Record<string, Schema> = {
  ...names,
  networkRule,
  filesystemRule,
  executionRule,
  credential,
  credentialCeiling,
  argument,
  mcpRule,
  mcpServer,
  mcpServerCeiling,
  network: section(
    { allow: list(ref('networkRule')), deny: list(ref('networkRule')) },
    'what may be connected to',
  ),
  filesystem: section(
    { allow: list(ref('filesystemRule')), deny: list(ref('filesystemRule')) },
    'which files may be read and written',
  ),
  execution: section(
    {
      user: { enum: ['agent', 'root'], description: 'the guest user; agent has no way to root' },
      allow: list(ref('executionRule')),
      deny: list(ref('executionRule')),
    },
    'which programs may be run',
  ),
  mcp,
  mcpCeiling,
  workflow: section({
    outputs: { type: 'boolean' },
    env: list({ type: 'string', pattern: '^[A-Za-z_*][A-Za-z0-9_*]*$' }),
    path: { type: 'boolean' },
  }),
};

const governed: Record<string, Schema> = {
  network: ref('network'),
  filesystem: ref('filesystem'),
  execution: ref('execution'),
  credentials: list(ref('credential')),
  mcp: ref('mcp'),
};

export const POLICY_SCHEMA: Schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'agent-sandbox policy',
  ...record(
    {
      version: { const: 1 },
      origin: { type: 'string', pattern: '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$' },
      mode: { enum: ['enforce', 'audit'] },
      extends: oneOrMore(
        text('a template, or a file beside this one'),
        'policies merged into this one',
      ),
      ...governed,
      workflow: ref('workflow'),
      limits: section({
        cpus: { type: 'integer', minimum: 1, maximum: 256 },
        memory: ref('size'),
        timeout: ref('duration'),
        processes: { type: 'integer', minimum: 1, maximum: 4_000_000 },
        disk: ref('size'),
        egress: ref('size'),
        denials: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
      }),
      require: section({
        isolation: { enum: ['hardware'] },
        identity: { enum: ['oidc'] },
        log: list(text('where the log must go')),
      }),
      lock: list(text('a key such as network.deny')),
      max: section(
        { ...governed, credentials: list(ref('credentialCeiling')), mcp: ref('mcpCeiling') },
        'the ceiling on what lower layers may allow',
      ),
      exceptions: list(
        record(
          {
            id: ref('id'),
            ...governed,
            reason: ref('reason'),
            'approved-by': list(text('a login')),
            expires: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}' },
          },
          ['id', 'reason', 'approved-by', 'expires'],
        ),
      ),
      tests: list(
        record(
          {
            request: text('a request such as `connect example.com:443`'),
            expect: {
              enum: ['allow', 'deny', 'private'],
              description: 'private: allowed, into a copy that belongs to the session',
            },
            rule: text('the rule that decides, such as filesystem.deny[1]'),
          },
          ['request', 'expect'],
        ),
      ),
    },
    ['version'],
  ),
  $defs: defs,
};
