// A policy as data: layers of rules, each rule with the place it was written.

import type { Bind, Credential } from './credential.ts';
import type { Span } from './diagnostic.ts';
import type { McpLimits, McpRule, McpServer, SecretAction, ServerPlace } from './mcp.ts';
import type { DefaultGrant, Rate, RuleOrigin } from './rule.ts';

export type { DefaultGrant, Rate, RuleOrigin };

/** Layers from the top. There may be any number of `team` layers. */
export type LayerName = 'builtin' | 'org' | 'team' | 'user' | 'repo' | 'run';

/** `audit` records what would be denied and lets it through. */
export type Mode = 'enforce' | 'audit';

export type Access = 'read' | 'write' | 'private';

/** `host: npm`: wherever the host's own client goes. */
export interface NamedDestination {
  name: string;
  span: Span;
  /** those of the rule, where it states any; else the destination's own */
  ports?: number[];
}

export interface NetworkRule extends RuleOrigin {
  /** host patterns, canonical; empty when the rule speaks of addresses */
  hosts: string[];
  /** CIDR blocks, canonical */
  cidrs: string[];
  /** absent only in a deny: every port */
  ports?: number[];
  /** absent: TCP in an allow, both in a deny */
  protocol?: 'tcp' | 'udp';
  /** destinations by name, until `source/` has put their hosts in their place: no rule of an effective policy has any */
  named?: NamedDestination[];
  /** upper case. With `methods` or `paths` the rule speaks of HTTP requests, without both of the connection */
  methods?: string[];
  /** URL path patterns, canonical */
  paths?: string[];
  /** allow only: how many requests, or connections where the rule speaks of connections */
  limit?: Rate;
  /** allow only: bytes out with them */
  egress?: number;
}

export interface FilesystemRule extends RuleOrigin {
  /** absolute path pattern after `~` and the workspace were put in */
  path: string;
  /**
   * in an allow: what it grants. In a deny: absent or `read` is neither read nor write; `private` is a cap of the
   * builtin and run layers: writes go to the session's copy at most
   */
  access?: Access;
  /** compared as a case-insensitive file system would */
  ignoreCase?: true;
  /** speaks of everything but directories of that name */
  filesOnly?: true;
}

export interface ExecutionRule extends RuleOrigin {
  /** absolute path pattern, or a bare name that matches the file name anywhere */
  path: string;
}

export interface RuleSet<R> {
  allow: R[];
  deny: R[];
}

/** What is done with a secret that is found in what goes to a tool server (`block` or `report`), and in what it answers. */
export interface SecretActions {
  arguments: SecretAction;
  results: SecretAction;
}

/** One entry of `mcp.servers`. Of a ceiling: `id` may hold `*`, and an absent `at` bounds nothing but the id. */
export interface WrittenServer extends Omit<McpServer, 'at'> {
  at?: ServerPlace;
  /** of a local one: what its own microVM may do */
  sandbox?: Sections;
}

export interface McpSection extends RuleSet<McpRule> {
  servers: WrittenServer[];
  secrets: Partial<SecretActions>;
  limits: McpLimits;
}

/** The enforced sections of one layer, in one shape for the layer itself and for its `max`. */
export interface Sections {
  network: RuleSet<NetworkRule>;
  filesystem: RuleSet<FilesystemRule>;
  execution: RuleSet<ExecutionRule>;
  credentials: Credential[];
  mcp: McpSection;
  /** the default grants that the allow lists here narrow */
  narrows: DefaultGrant[];
}

export interface Layer extends Sections {
  name: LayerName;
  file: string;
  /** `sha256:` of the source text; of the canonical JSON for layers without one */
  digest: string;
  /** the ceiling on what lower layers may allow; for `org` an absent `max` delegates nothing, elsewhere it passes the ceiling on */
  max?: Sections;
  /** line of `max` */
  maxLine?: number;
  /** the repository an org or team file says it must come from; recorded, not checked, for files given by path */
  origin?: string;
}

/** Limits after all layers: the smallest of each. Sizes in bytes, times in milliseconds. */
export interface Limits {
  cpus: number;
  memory: number;
  timeout?: number;
  processes: number;
  disk?: number;
  egress?: number;
  /** denials after which the session is stopped */
  denials?: number;
}

/** A credential that may be minted, after ceilings. */
export interface GrantedBind extends Bind {
  /** limits of the ceilings it was put within: each counts all that lies within it */
  within?: {
    rule: { id: string; file: string; line: number; layer: LayerName };
    limit: Rate;
  }[];
}

export interface GrantedCredential extends Credential {
  layer: LayerName;
  bind: GrantedBind[];
}

/** A tool server that a session may start or call, after ceilings. */
export interface GrantedServer extends McpServer {
  layer: LayerName;
  sandbox?: Sections;
}

/** What a step in a workflow may hand to the steps after it. */
export interface WorkflowHandover {
  /** GITHUB_OUTPUT and GITHUB_STEP_SUMMARY */
  outputs: boolean;
  /** names for GITHUB_ENV; `*` is any part */
  env: string[];
  /** GITHUB_PATH */
  path: boolean;
}

export interface Clamp {
  /** the rule that exceeds */
  rule: RuleOrigin & { layer: LayerName };
  /** the layer whose ceiling it exceeds, or what it may not mention */
  by: string;
  message: string;
}

/** The resolved result of all layers. Plain JSON: it is written to `effective-policy.json` and sent to threads. */
export interface EffectivePolicy {
  version: 1;
  /** `sha256:` of the canonical JSON of this object without this field */
  digest: string;
  mode: Mode;
  /** absolute paths on the host */
  workspace: string;
  home: string;
  /** from the top */
  layers: Layer[];
  limits: Limits;
  require: { isolation?: 'hardware'; identity?: 'oidc'; log?: string[] };
  /** the guest user the agent runs as */
  user: 'agent' | 'root';
  clamps: Clamp[];
  /** what may be minted; of the layers' own entries, what their ceilings leave */
  credentials: GrantedCredential[];
  /** the tool servers behind the gateway; of the layers' own entries, what their ceilings leave */
  mcp: { servers: GrantedServer[]; secrets: SecretActions; limits: McpLimits };
  workflow: WorkflowHandover;
  /** the policy of the session that started this one: what it denies is denied here, whatever the layers say */
  within?: EffectivePolicy;
}
