// The decision: pure, synchronous, default deny. Every rule that matched is collected; nothing is remembered between two
// requests.
import { type Address, formatAddress, parseAddress, unwrapAddress } from '../match/address.ts';
import {
  HOST_NAME,
  HOST_REASON,
  RESERVED_REASON,
  isCanonicalName,
  isReservedName,
} from '../match/host.ts';
import { specialRange } from '../match/special.ts';
import { canonicalUrlPath, splitUrlPath } from '../match/url-path.ts';
import type { Decision } from '../model/decision.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { type Request, surfaceOf } from '../model/request.ts';
import {
  compilePolicy,
  DATAGRAM,
  type Entry,
  INSPECT,
  PASS,
  PRIVATE,
  READ,
  REQUEST,
  WRITE,
} from './compile.ts';
import { conclude, type Finding, MALFORMED } from './conclude.ts';
import { createMcpJudge } from './decide-mcp.ts';
import { createFormula } from './formula.ts';
import { decideMint } from './mint.ts';
import { matchesRequest } from './request-rule.ts';
import { isMethod } from './request-syntax.ts';

/** Said where no rule names the host: nothing that audit mode lets through. */
const HOST_SERVICE = { defaultRule: 'builtin/host-service', defaultReason: HOST_REASON } as const;

type HttpRequest = Extract<Request, { kind: 'http' }>;

/** What a name may be resolved for, either of the two. */
const RESOLVE = [DATAGRAM, INSPECT];

export type Decider = (request: Request) => Decision;

export interface Judge {
  find(request: Request): Finding | undefined;
  decide: Decider;
}

export function createDecider(policy: EffectivePolicy): Decider {
  const judge = createJudge(policy);
  const own = judge.decide;
  if (policy.within === undefined) return own;
  const outer = createDecider(policy.within);
  return (request) => {
    const above = outer(request);
    if (above.effect === 'deny') return above;
    if (surfaceOf(request) === 'mcp') return narrowTools(judge, request, above);
    const decision = own(request);
    return {
      ...decision,
      isPrivate: decision.effect === 'allow' && (decision.isPrivate || above.isPrivate),
      isInspected: decision.effect === 'allow' && (decision.isInspected || above.isInspected),
      ...(decision.effect === 'allow' && joinLimits(decision, above)),
    };
  };
}

/** A session within another has the tools of that one, but for what it denies itself. */
function narrowTools(judge: Judge, request: Request, above: Decision): Decision {
  const finding = judge.find(request);
  if (finding === undefined) return MALFORMED;
  if (finding.outcome.denied !== 0) return judge.decide(request);
  return { ...above, ...joinLimits({ ...above, limits: [] }, above) };
}

/** Rules of the policy around this one count as well, as its own. */
function joinLimits(own: Decision, above: Decision): Pick<Decision, 'limits'> {
  if (above.limits === undefined) return {};
  const outer = above.limits.map((one) => ({ ...one, depth: one.depth + 1 }));
  return { limits: [...(own.limits ?? []), ...outer] };
}

export function createJudge(policy: EffectivePolicy): Judge {
  const compiled = compilePolicy(policy);
  const network = createFormula(policy, undefined);
  const filesystem = createFormula(policy, 'workspace');
  const execution = createFormula(policy, 'execution');
  const tools = createMcpJudge(policy, network);

  function find(request: Request): Finding | undefined {
    switch (request.kind) {
      case 'http':
        return findRequest(request);
      case 'connect':
        return findConnect(
          request.host,
          request.port,
          request.protocol === 'udp' ? [DATAGRAM] : [PASS, INSPECT],
        );
      case 'resolve':
        return findResolve(request.name);
      case 'read':
        return findFile(request.path, [READ], false);
      case 'write':
        return findFile(request.path, [WRITE, PRIVATE], request.directory === true);
      case 'exec':
        return findExec(request.path);
      case 'tool':
      case 'resource':
      case 'prompt':
      case 'feature':
        return tools.find(request);
      case 'mint':
        return { entries: [], outcome: network([]), wanted: [REQUEST] };
    }
  }

  function findRequest({ method, host, port, path }: HttpRequest): Finding | undefined {
    if (!isMethod(method) || canonicalUrlPath(path) !== path) return undefined;
    const asked = splitUrlPath(path);
    return findConnect(host, port, [REQUEST], (entry) =>
      matchesRequest(entry.requests, method, asked),
    );
  }

  function findConnect(
    host: string,
    port: number,
    wanted: number[],
    concerns: (entry: Entry) => boolean = () => true,
  ): Finding | undefined {
    if (!Number.isInteger(port) || port < 1 || port > 65535) return undefined;
    const address = addressOf(host);
    if (address === undefined && !isCanonicalName(host)) return undefined;
    if (address === undefined && isReservedName(host)) return reserved(wanted);
    const special = address === undefined ? undefined : specialRange(address);
    const found =
      address === undefined ? compiled.findName(host) : compiled.findAddress(address, special);
    const entries = atPort(found, port).filter(concerns);
    const finding: Finding = { entries, outcome: network(entries), wanted };
    if (host === HOST_NAME) return { ...finding, ...HOST_SERVICE };
    if (address === undefined || special?.kind !== 'private') return finding;
    return {
      ...finding,
      defaultRule: 'builtin/private-address',
      defaultReason: `${formatAddress(address)} is ${special.what}, and no \`cidr\` rule that lies within its range allows it`,
    };
  }

  /** No rule speaks of the sandbox's own names: not even one that speaks of all. */
  const reserved = (wanted: number[]): Finding => ({
    entries: [],
    outcome: network([]),
    wanted,
    defaultRule: 'builtin/reserved-name',
    defaultReason: RESERVED_REASON,
  });

  // A name may be resolved where a connection to it could be allowed on some port that a rule speaks of. Where bytes may
  // pass unread, requests may be judged as well: `INSPECT` is the least of the two. Datagrams count, too.
  function findResolve(name: string): Finding | undefined {
    if (!isCanonicalName(name)) return undefined;
    if (isReservedName(name)) return reserved(RESOLVE);
    const entries = compiled.findName(name);
    const resolving = (found: Entry[]): Finding => ({
      entries: found,
      outcome: network(found),
      wanted: RESOLVE,
      ...(name === HOST_NAME && HOST_SERVICE),
    });
    let first: Finding | undefined;
    for (const port of portsOf(entries)) {
      const here = atPort(entries, port);
      const finding = resolving(here);
      if ((finding.outcome.allowed & (INSPECT | DATAGRAM)) !== 0) return finding;
      first ??= finding;
    }
    if (first !== undefined) return first;
    // No rule allows the name on any port: what is left are denies of every port.
    const rest = entries.filter((entry) => entry.ports === undefined);
    return resolving(rest);
  }

  function findFile(path: string, wanted: number[], isDirectory: boolean): Finding | undefined {
    if (!isCanonicalPath(path)) return undefined;
    let entries = compiled.findFile(path);
    if (isDirectory) entries = entries.filter((entry) => !entry.filesOnly);
    return { entries, outcome: filesystem(entries), wanted };
  }

  function findExec(path: string): Finding | undefined {
    const readable = findFile(path, [READ], false);
    if (readable === undefined) return undefined;
    if ((readable.outcome.allowed & READ) === 0)
      return { ...readable, defaultReason: 'it cannot be read, so it cannot be run' };
    const entries = compiled.findExecutable(path);
    return { entries, outcome: execution(entries), wanted: [READ] };
  }

  function refuseTool(request: Request): Decision | undefined {
    switch (request.kind) {
      case 'tool':
      case 'resource':
      case 'prompt':
      case 'feature':
        return tools.refuse(request);
      default:
        return undefined;
    }
  }

  return {
    find,
    decide: (request) => {
      if (request.kind === 'mint') return decideMint(policy, request.id);
      const finding = find(request);
      if (finding === undefined) return MALFORMED;
      return refuseTool(request) ?? conclude(policy, request, finding);
    },
  };
}

function atPort(entries: Entry[], port: number): Entry[] {
  return entries.filter((entry) => entry.ports === undefined || entry.ports.includes(port));
}

function portsOf(entries: readonly Entry[]): Set<number> {
  const ports = new Set<number>();
  for (const entry of entries)
    if (entry.list === 'allow') for (const port of entry.ports ?? []) ports.add(port);
  return ports;
}

/** The address to judge for an address literal in canonical spelling; undefined for anything else. */
function addressOf(host: string): Address | undefined {
  const address = parseAddress(host);
  return address !== undefined && formatAddress(address) === host
    ? unwrapAddress(address)
    : undefined;
}

function isCanonicalPath(path: string): boolean {
  return (
    path.startsWith('/') &&
    (path === '/' || !/\/(?:\.{1,2})?(?:\/|$)/.test(path)) &&
    !path.includes('\u0000')
  );
}
