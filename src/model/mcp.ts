// Tool servers as data: what a policy says of them, and what was reviewed of them.

import type { Json, JsonObject } from './credential.ts';
import type { Rate, RuleOrigin } from './rule.ts';

/** What the protocol can do besides tools, prompts and resources. Each passes only where a rule names it. */
export const FEATURES = [
  /** the server asks the agent's model */
  'sampling',
  /** the server asks the user */
  'elicitation',
  /** the server learns which directories the client has open */
  'roots',
  /** the agent sets the server's log level and gets its log messages */
  'logging',
  /** values to complete an argument of a prompt or a resource template that is allowed */
  'completions',
  /** the agent is told when a resource it may read has changed */
  'subscriptions',
] as const;

export type Feature = (typeof FEATURES)[number];

export const CONTENT_TYPES = ['text', 'image', 'audio', 'resource', 'resource_link'] as const;
export type ContentType = (typeof CONTENT_TYPES)[number];

/**
 * The part of JSON Schema that arguments are judged by, each keyword as draft 2020-12 has it, but for these:
 * - `pattern` is RE2; in an allow it must match the whole text, in a deny any part of it
 * - `within` (text): a path that lies in one of these patterns, by its spelling alone; one with `..`, a backslash, a percent sign
 *   before two hex digits, NUL, a control character or a tilde in front lies nowhere
 * - `hosts` (text): an absolute http or https URL without credentials whose host is one of these
 * - `additionalProperties` is, unless said, false in an allow and true in a deny
 * - in an allow keywords of one type stand for that `type` where it is not stated
 * - what cannot be judged (a text that is too long, a path or URL with more than one reading) fits no allow and every deny
 */
export interface ArgumentSchema {
  type?: string[];
  const?: Json;
  enum?: Json[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: ArgumentSchema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, ArgumentSchema>;
  required?: string[];
  additionalProperties?: boolean;
  within?: string[];
  hosts?: string[];
  /** of an argument of a rule, not within: the call may leave it out */
  optional?: boolean;
}

/** What may come back from a call that the rule allows. */
export interface ResultRule {
  /** bytes of the result as JSON */
  maxBytes?: number;
  types?: ContentType[];
  /** what `structuredContent` that does not fit the tool's `outputSchema` comes to; `warn` unless said */
  schema?: 'off' | 'warn' | 'strict';
}

/** One entry of `mcp.allow` or `mcp.deny`. In an allow some of the four lists is stated; a deny without them speaks of all. */
export interface McpRule extends RuleOrigin {
  /** server ids; `*` matches any part */
  servers: string[];
  /** names; `*` matches any part */
  tools?: string[];
  prompts?: string[];
  /** URIs; `*` matches any part */
  resources?: string[];
  features?: Feature[];
  /** by argument name. In an allow every one must fit, and others are refused; in a deny the rule speaks of calls where every one fits */
  arguments?: Record<string, ArgumentSchema>;
  limit?: Rate;
  /** names of arguments: the limit counts each combination of their values by itself */
  per?: string[];
  /** allow only */
  results?: ResultRule;
}

/** What the calls of tool servers of one session come to at most. A call is whatever an agent sends to a server and a rule allows. */
export interface McpLimits {
  /** how many */
  calls?: number;
  /** bytes of messages that go to servers */
  egress?: number;
  /** bytes of messages that come from servers */
  ingress?: number;
  /** milliseconds of one call, from when it goes out to its answer */
  timeout?: number;
}

/** What is done with a secret that is found. From the strictest. */
export const SECRET_ACTIONS = ['block', 'redact', 'report'] as const;
export type SecretAction = (typeof SECRET_ACTIONS)[number];

/** Where a tool server is. */
export type ServerPlace =
  | { kind: 'remote'; url: string }
  /** `environment`: literal values; nothing of the host's */
  | { kind: 'local'; command: string[]; environment: Record<string, string> };

/** One entry of `mcp.servers`, without the sections of its `sandbox`. */
export interface McpServer extends RuleOrigin {
  /** `[a-z0-9-]{1,32}` */
  id: string;
  at: ServerPlace;
  /** id of a credential of the same layer, whose value goes to the server's URL and nowhere else on its account */
  credential?: string;
  /** a session does not start without it; true unless said */
  required: boolean;
  /** its package must come with provenance that verifies */
  provenance: boolean;
}

/** A tool, prompt, resource or resource template as its server defines it: every field it sent. */
export type Definition = JsonObject;
export type DefinitionKind = 'tool' | 'prompt' | 'resource' | 'template';
