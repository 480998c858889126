// What the gateway is made of, and how much of everything it takes.

import type { Decision } from '../../model/decision.ts';
import type { McpLimits } from '../../model/mcp.ts';
import type { Mode } from '../../model/policy.ts';
import type { Request } from '../../model/request.ts';
import type { Point } from '../point.ts';
import type { Quotas } from '../quotas.ts';
import type { Content } from './content.ts';
import type { Pins } from './pins.ts';
import type { Upstream } from './upstream.ts';

export interface GatewayServer {
  /** `[a-z0-9-]{1,32}`; its address is `/mcp/ID` */
  id: string;
  upstream: Upstream;
  /** of one that is not on this host: takes the bytes of a message that is to go there; a reason where so many may not leave */
  spend?: Spend;
}

export type Spend = (bytes: number) => string | undefined;

export interface GatewayOptions {
  servers: readonly GatewayServer[];
  point: Point;
  /** the same as the point's: says what is listed and which features are open */
  decide: (request: Request) => Decision;
  /** whether a rule opens something that a template of this server's stands for */
  isTemplateOpen: (server: string, template: string) => boolean;
  mode: Mode;
  /** of the whole run: no new session or connection starts them anew */
  quotas: Quotas;
  content: Content;
  pins: Pins;
  /** of this session; whoever sends it is the agent */
  bearer: string;
  /** values of `Host` that are ours, lower case, with the port where there is one */
  names: readonly string[];
  /** key of the digests in records */
  digestKey: Buffer;
  /** the smallest edit that would allow what was denied, for people */
  edit?: (request: Request, decision: Decision) => string;
  limits?: Partial<GatewayLimits>;
  /** what the policy lets all calls come to: `mcp.limits` */
  allowance?: McpLimits;
  /** random bytes */
  random?: (size: number) => Buffer;
  /** monotonic, in milliseconds */
  now?: () => number;
}

/** Times in milliseconds, sizes in bytes. */
export interface GatewayLimits {
  /** connections of agents at once */
  connections: number;
  /** a connection on which no request of who has the bearer comes */
  head: number;
  /** legacy sessions at once */
  sessions: number;
  /** streams of news (GET, `subscriptions/listen`) at once */
  streams: number;
  /** calls at a server at once, and how many may wait for that */
  concurrent: number;
  queue: number;
  /** a call without a sign of life, and in all */
  idle: number;
  total: number;
  /** how long a cancelled call keeps its place where the server does not end it */
  grace: number;
  /** a list: pages, definitions, and time for all of them */
  pages: number;
  definitions: number;
  listing: number;
  /** from one look at lists that a server says have changed to the next */
  news: number;
  /** progress of one call within a second */
  progress: number;
  /** requests of one server within a second, and open at once */
  serverRequests: number;
  openServerRequests: number;
  /** how often a server may ask back for one call, and how much at once */
  rounds: number;
  inputs: number;
  /** of `requestState` */
  state: number;
  /** events that a session remembers to resume behind */
  events: number;
  /** a comment on streams that are silent for so long */
  keepAlive: number;
}

export const LIMITS: GatewayLimits = {
  connections: 128,
  head: 10_000,
  sessions: 64,
  streams: 32,
  concurrent: 64,
  queue: 256,
  idle: 120_000,
  total: 3_600_000,
  grace: 5_000,
  pages: 100,
  definitions: 10_000,
  listing: 30_000,
  news: 1_000,
  progress: 20,
  serverRequests: 20,
  openServerRequests: 8,
  rounds: 8,
  inputs: 10,
  state: 65_536,
  events: 1_000,
  keepAlive: 15_000,
};
