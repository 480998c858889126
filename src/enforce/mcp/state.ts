// What the gateway remembers of servers, of agents' sessions and of calls that are not answered yet.

import type { JsonObject } from '../../model/credential.ts';
import type { DefinitionKind } from '../../model/mcp.ts';
import type { Budget, Overdrawn } from './budget.ts';
import type { HeaderParameters } from './http/parameters.ts';
import type { AgentStream } from './http/answer.ts';
import type { Era } from './message/era.ts';
import type { ErrorBody, Id } from './message/message.ts';
import type { GatewayLimits, GatewayOptions, Spend } from './options.ts';
import type { Rounds } from './rounds.ts';
import type { Slots } from './slots.ts';
import type { Upstream } from './upstream.ts';

/** The gateway's own parts, handed to each of its steps. */
export interface Core {
  options: GatewayOptions;
  limits: GatewayLimits;
  budget: Budget;
  now: () => number;
  random: (size: number) => Buffer;
  servers: ReadonlyMap<string, ServerState>;
  hear: Hear;
  sessions: Map<string, AgentSession>;
  /** sessions with all servers at once */
  groups: Map<string, AgentGroup>;
  exchanges: Set<Exchange>;
  /** streams of news that are open */
  streams: Set<AgentStream>;
}

/** Who gets what a server says besides answers. */
export interface Hear {
  notification(core: Core, heard: Heard, method: string, params: JsonObject): void;
  request(core: Core, heard: Heard, id: Id, method: string, params: JsonObject): void;
}

/** Where something was heard. */
export interface Heard {
  channel: Channel;
  session: AgentSession | undefined;
  /** whose stream it is; undefined on a stream of news */
  exchange: Exchange | undefined;
  /** to the agent */
  stream: AgentStream | undefined;
  /** id for the event that goes to the agent */
  eventId: string | undefined;
}

export interface ServerState {
  id: string;
  upstream: Upstream;
  spend: Spend | undefined;
  /** of requests and progress tokens of ours */
  nextId: () => number;
  slots: Slots;
  rounds: Rounds;
  /** whether it has said what it is, and its pins have been compared with that */
  isMet: boolean;
  meeting: Promise<Failure | undefined> | undefined;
  /** capabilities or instructions are not what was reviewed */
  isQuarantined: boolean;
  lists: Record<DefinitionKind, ListState>;
  news: ListNews;
  /** by tool, from the definitions that are served */
  headers: Map<string, HeaderParameters>;
}

export interface ListState {
  /** has been compared, and nothing has been heard since */
  isFresh: boolean;
  /** how often the server has said that it has changed */
  news: number;
  isSeen: boolean;
  /** names that the server has told last, of whatever becomes of them */
  live: ReadonlySet<string>;
  /** from the last answer: of the result, besides the list */
  hints: JsonObject;
  /** it came in a stream */
  asStream: boolean;
  running: Promise<Failure | undefined> | undefined;
}

/** What a server has said of its lists, and was not looked at. */
export interface ListNews {
  /** lists that are to be looked at */
  kinds: Set<DefinitionKind>;
  /** who is told if they have changed; one for each stream and method */
  tell: Map<AgentStream, Map<string, Telling>>;
  /** when the last look began, in milliseconds */
  last: number;
  isLooking: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Of one stream, by one method. */
export interface Telling {
  kinds: readonly DefinitionKind[];
  /** what the agent was shown of them when it was told last */
  before: string;
  send: () => void;
}

/** How to speak to a server on somebody's account. */
export interface Channel {
  server: ServerState;
  era: Era;
  revision: string;
  /** the upstream's session id */
  session: string | undefined;
  /** of the modern era: what is said in each request's `_meta` */
  capabilities: JsonObject;
  client: JsonObject;
  /** of the legacy era */
  agent: AgentSession | undefined;
}

/** One session of the legacy era. Its limits are the run's, not its own. */
export interface AgentSession {
  id: string;
  channel: Channel;
  /** what the agent declared and rules leave of it */
  capabilities: JsonObject;
  isInitialized: boolean;
  lastUsed: number;
  /** ids of requests that are not answered */
  inFlight: Set<Id>;
  /** says something to the server that has no answer */
  tell: (message: JsonObject) => Promise<boolean>;
  /** calls without an answer, by the id that the server knows */
  exchanges: Map<number, Exchange>;
  /** requests of the server that the agent has to answer, by the id that the agent knows */
  asked: Map<number, { id: Id; method: string }>;
  /** the last that the agent got; one count for all sessions behind one of the agent's */
  numbers: { asked: number; event: number };
  /** event id of ours → where to go on at the server */
  events: Map<string, { upstream: string; exchange: Exchange | undefined }>;
  /** streams that the agent has opened to hear what belongs to no call */
  listening: Set<AgentStream>;
  /** when the server's requests came, within the last second */
  requestTimes: number[];
}

/** One session of the agent's with all servers. Each server has a session of its own behind it, which begins when it is needed. */
export interface AgentGroup {
  id: string;
  revision: string;
  /** what the agent declared; what a server hears of it its rules say */
  capabilities: JsonObject;
  client: JsonObject | undefined;
  lastUsed: number;
  inFlight: Set<Id>;
  numbers: AgentSession['numbers'];
  /** by server */
  members: Map<string, Promise<AgentSession | Failure>>;
  /** those of them that have begun */
  begun: Map<string, AgentSession>;
  listening: Set<AgentStream>;
}

/** Why a list or a server cannot be had. */
export type Failure = Reply & { kind: 'error' };

/** What became of a message at the server. `asStream`: it came in one. */
export type Reply =
  | { kind: 'result'; result: JsonObject; asStream?: boolean; bytes: number }
  /** an error of the server's own, or one of ours on its account */
  | {
      kind: 'error';
      status: number;
      error: ErrorBody;
      isOurs?: boolean;
      asStream?: boolean;
      /** it was given up, for want of room in the policy's limits */
      over?: Overdrawn;
    }
  /** the stream ended without an answer; it can be gone on with */
  | { kind: 'pending' };

/** Why a call was given up. */
export type End = 'cancelled' | 'timeout' | 'closed' | 'limit';

/** A request on its way to a server: the agent's, or one of ours. */
export interface Exchange {
  /** as the server knows it; also its progress token */
  readonly id: number;
  readonly channel: Channel;
  readonly method: string;
  readonly isPaid: boolean;
  /** the id of the agent's request; undefined for one of ours */
  readonly agentId: Id | undefined;
  /** what the agent asked for besides the answer */
  readonly wants: Wants;
  /** gives the exchange at the server up */
  readonly abort: AbortController;
  /** where the agent listens; another one once it has gone on with a stream */
  stream: AgentStream | undefined;
  progress: { last: number; times: number[] };
  messages: number[];
  /** why it was given up */
  end: End | undefined;
  isDone: boolean;
  /** the server has told where to go on when its stream ends */
  isResumable: boolean;
  /** Starts the time without a sign of life anew. */
  touch: () => void;
  /** Gives it up: there is no room left for it in the policy's limits. */
  overdraw: (over: Overdrawn) => void;
  /** Hands over what the server answered; only the first counts. */
  settle: (reply: Reply) => void;
}

export interface Wants {
  /** progress, by this token of the agent's */
  progressToken?: Id;
  /** log messages */
  logging?: boolean;
  /** of `subscriptions/listen`: the agent's id, and what it may hear */
  news?: { id: Id; filter: JsonObject };
}
