// Credentials as data: what a policy says of one, and what a provider hands out for it.

import type { Rate, RuleOrigin } from './rule.ts';
import type { Secret } from './secret.ts';

export const PROVIDERS = [
  'github-app',
  'github-token',
  'octo-sts',
  'aws',
  'gcp',
  'azure',
  'vault',
  'npm',
  'oauth-exchange',
  'anthropic',
  'openai',
  'env',
  'file',
  'command',
] as const;

export type ProviderName = (typeof PROVIDERS)[number];

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** `fetch` is `git-upload-pack`, `push` is `git-receive-pack`. */
export type GitVerb = 'fetch' | 'push';

/** Where the guest finds the placeholder. */
export interface Exposure {
  /** names of variables; for `aws` those of its three parts */
  env: string[];
  /** hosts for which git's credential helper answers; each is also a place where the value is put in */
  git: { host: string; verbs: GitVerb[] }[];
  /** the address at which the vendor's SDKs look for credentials by themselves (`aws`, `gcp`, `azure`) */
  metadata: boolean;
}

/** A place where the real value may be put in. */
export interface Bind {
  /** exact names, canonical */
  hosts: string[];
  ports: number[];
  methods?: string[];
  /** URL path patterns, canonical */
  paths?: string[];
  /** how many requests */
  limit?: Rate;
  /** lower-case names of headers in which the placeholder may stand; `authorization` and `x-api-key` unless said */
  headers?: string[];
  /** `aws`: requests are signed anew for exactly this */
  sign?: { service: string; region: string };
  /** the answer holds a token of its own (OCI registries, LFS): the guest gets a placeholder for that, too */
  seal?: boolean;
}

/** One entry of `credentials`. In a ceiling an absent key bounds nothing, but for those that no request may choose freely. */
export interface Credential extends RuleOrigin {
  id: string;
  provider: ProviderName;
  /** what to ask the provider for, in the shape of `policy/provider-request.ts` */
  request: JsonObject;
  /** milliseconds */
  ttl?: number;
  expose: Exposure;
  bind?: Bind[];
}

/** The secret itself, in the parts that clients tell apart. */
export type Material =
  | { kind: 'token'; token: Secret }
  | { kind: 'basic'; username: string; password: Secret }
  | { kind: 'aws'; accessKeyId: string; secretAccessKey: Secret; sessionToken?: Secret };
