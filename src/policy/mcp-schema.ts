// The shape of `mcp`: servers, rules, and what arguments are judged by.
import { CONTENT_TYPES, FEATURES } from '../model/mcp.ts';
import { list, oneOrMore, record, ref, type Schema, section, text } from './schema-words.ts';

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'];
const count: Schema = { type: 'integer', minimum: 0, maximum: 1_000_000_000 };

/** One schema of an argument; refers to itself. */
export const argument: Schema = record(
  {
    type: oneOrMore({ enum: TYPES }, 'as JSON Schema has it; a text is never taken for a number'),
    const: {},
    enum: { type: 'array', items: {}, minItems: 1 },
    pattern: text('RE2: the whole text in an allow, any part of it in a deny'),
    minLength: count,
    maxLength: count,
    minimum: { type: 'number' },
    maximum: { type: 'number' },
    items: ref('argument'),
    minItems: count,
    maxItems: count,
    properties: { type: 'object', additionalProperties: ref('argument') },
    required: list(text('a key')),
    additionalProperties: {
      type: 'boolean',
      description: 'false in an allow and true in a deny unless said',
    },
    within: oneOrMore(
      text('a path as in `filesystem`: relative to the workspace, `~/…`, or absolute'),
      'a path that lies in one of these, by its spelling alone',
    ),
    hosts: oneOrMore(
      text('a host name, `*.x` or `**.x`'),
      'an http or https URL without credentials whose host is one of these',
    ),
    optional: {
      type: 'boolean',
      description: 'of an argument of an allow: the call may leave it out',
    },
  },
  [],
  'JSON Schema, the part that is read here, with `within` and `hosts`',
);

export const mcpRule: Schema = record(
  {
    id: ref('id'),
    server: oneOrMore(text('a server id; `*` matches any part'), 'which servers'),
    tools: list(text('a tool name; `*` matches any part')),
    prompts: list(text('a prompt name; `*` matches any part')),
    resources: list(text('a URI; `*` matches any part')),
    features: list({ enum: [...FEATURES] }, 'what else the protocol can do'),
    arguments: {
      type: 'object',
      additionalProperties: ref('argument'),
      description:
        'by name. In an allow every one must be there and fit, and others are refused; in a deny the rule speaks of calls where every one is there and fits',
    },
    limit: {
      ...ref('rate'),
      description: 'allow only: how many calls. Each rule that matches counts',
    },
    per: list(
      text('the name of an argument'),
      'each combination of their values is counted by itself',
    ),
    results: {
      ...section({
        size: { ...ref('size'), description: 'most bytes of a result as JSON' },
        types: list({ enum: [...CONTENT_TYPES] }, 'the only kinds of content that may come back'),
        schema: {
          enum: ['off', 'warn', 'strict'],
          description:
            'what structured content comes to that does not fit what the tool says of it',
        },
      }),
      description: 'allow only: what may come back',
    },
    reason: ref('reason'),
  },
  ['server'],
);

const command = {
  type: 'array',
  items: text('a word; no shell reads it'),
  minItems: 1,
  description: 'a program that speaks the protocol over stdin and stdout',
};
const env: Schema = {
  type: ['object', 'null'],
  additionalProperties: { type: 'string', maxLength: 1024 },
  description: 'variables of the program, as they stand here: nothing of the host is put in',
};
const url = text('https, or http for localhost, 127.0.0.1 and [::1]');

export const mcpServer: Schema = record(
  {
    id: {
      type: 'string',
      pattern: '^[a-z0-9-]{1,32}$',
      description: 'lower-case letters, digits and `-`, at most 32',
    },
    url,
    command,
    env,
    credential: text('the id of a credential of this file'),
    sandbox: section(
      {
        network: ref('network'),
        filesystem: ref('filesystem'),
        execution: ref('execution'),
      },
      'what the program may do in its own microVM; without it, no network and no files',
    ),
    shell: { type: 'boolean', description: 'the command is a shell, and that is meant' },
    required: {
      type: 'boolean',
      description: 'true unless said: a session does not start without it',
    },
    require: section({
      provenance: {
        type: 'boolean',
        description: 'refuse the package without provenance that verifies',
      },
    }),
    reason: ref('reason'),
  },
  ['id'],
);

export const mcpServerCeiling: Schema = record(
  {
    id: {
      type: 'string',
      pattern: '^[a-z0-9*-]{1,32}$',
      description: 'a server id; `*` matches any part',
    },
    url,
    command,
    env,
    reason: ref('reason'),
  },
  ['id'],
  'a server that lower layers may define; where it states a url or a command, exactly that one',
);

const secrets = section(
  {
    arguments: {
      enum: ['block', 'report'],
      description: 'block unless said: a call that holds a secret is denied',
    },
    results: { enum: ['block', 'redact', 'report'], description: 'redact unless said' },
  },
  'what is done with secrets that are found; of several layers the stricter wins',
);

const limits = section(
  {
    calls: { type: 'integer', minimum: 1, maximum: 1_000_000_000, description: 'how many' },
    egress: { ...ref('size'), description: 'bytes that go to servers' },
    ingress: { ...ref('size'), description: 'bytes that come from servers' },
    timeout: { ...ref('duration'), description: 'of one call' },
  },
  'what all calls of a session come to at most; of several layers and ceilings the smallest holds',
);

const rules = { allow: list(ref('mcpRule')), deny: list(ref('mcpRule')) };
const what = 'which tools, prompts and resources of which servers';
export const mcp: Schema = section(
  { servers: list(ref('mcpServer')), ...rules, secrets, limits },
  what,
);
export const mcpCeiling: Schema = section(
  { servers: list(ref('mcpServerCeiling')), ...rules, secrets, limits },
  what,
);
