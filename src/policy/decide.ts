// The decision: pure, synchronous, default deny. Every rule that matched is collected; nothing is remembered between two
// requests.
import { type Address, formatAddress, parseAddress, unwrapAddress } from '../match/address.ts';
import { isCanonicalName } from '../match/host.ts';
import { specialRange } from '../match/special.ts';
import { canonicalUrlPath, splitUrlPath } from '../match/url-path.ts';
import type { Decision, RuleReference } from '../model/decision.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import type { Request } from '../model/request.ts';
import {
  compilePolicy,
  type Entry,
  INSPECT,
  PASS,
  PRIVATE,
  READ,
  REQUEST,
  WRITE,
} from './compile.ts';
import { createFormula, type Outcome } from './formula.ts';
import { matchesRequest } from './request-rule.ts';
import { isMethod } from './request-syntax.ts';

type HttpRequest = Extract<Request, { kind: 'http' }>;

export type Decider = (request: Request) => Decision;

/** What the judging of one request found: enough to decide, and to explain. */
export interface Finding {
  entries: Entry[];
  outcome: Outcome;
  /** the levels, any of which is enough, best first */
  wanted: number[];
  /** said instead of "no rule allows it" */
  defaultReason?: string;
  defaultRule?: string;
}

export interface Judge {
  find(request: Request): Finding | undefined;
  decide: Decider;
}

export function createDecider(policy: EffectivePolicy): Decider {
  const own = createJudge(policy).decide;
  if (policy.within === undefined) return own;
  const outer = createDecider(policy.within);
  return (request) => {
    const above = outer(request);
    if (above.effect === 'deny') return above;
    const decision = own(request);
    return {
      ...decision,
      isPrivate: decision.effect === 'allow' && (decision.isPrivate || above.isPrivate),
      isInspected: decision.effect === 'allow' && (decision.isInspected || above.isInspected),
    };
  };
}

export function createJudge(policy: EffectivePolicy): Judge {
  const compiled = compilePolicy(policy);
  const network = createFormula(policy, undefined);
  const filesystem = createFormula(policy, 'workspace');
  const execution = createFormula(policy, 'execution');

  function find(request: Request): Finding | undefined {
    switch (request.kind) {
      case 'http':
        return findRequest(request);
      case 'connect':
        return findConnect(request.host, request.port, [PASS, INSPECT]);
      case 'resolve':
        return findResolve(request.name);
      case 'read':
        return findFile(request.path, [READ], false);
      case 'write':
        return findFile(request.path, [WRITE, PRIVATE], request.directory === true);
      case 'exec':
        return findExec(request.path);
      case 'mint':
      case 'tool':
      case 'resource':
      case 'prompt':
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
    const special = address === undefined ? undefined : specialRange(address);
    const found =
      address === undefined ? compiled.findName(host) : compiled.findAddress(address, special);
    const entries = atPort(found, port).filter(concerns);
    const finding: Finding = { entries, outcome: network(entries), wanted };
    if (address === undefined || special?.kind !== 'private') return finding;
    return {
      ...finding,
      defaultRule: 'builtin/private-address',
      defaultReason: `${formatAddress(address)} is ${special.what}, and no \`cidr\` rule that lies within its range allows it`,
    };
  }

  // A name may be resolved where a connection to it could be allowed on some port that a rule speaks of. Where bytes may
  // pass unread, requests may be judged as well: `INSPECT` is the least of the two.
  function findResolve(name: string): Finding | undefined {
    if (!isCanonicalName(name)) return undefined;
    const entries = compiled.findName(name);
    let first: Finding | undefined;
    for (const port of portsOf(entries)) {
      const here = atPort(entries, port);
      const finding: Finding = { entries: here, outcome: network(here), wanted: [INSPECT] };
      if ((finding.outcome.allowed & INSPECT) !== 0) return finding;
      first ??= finding;
    }
    if (first !== undefined) return first;
    // No rule allows the name on any port: what is left are denies of every port.
    const rest = entries.filter((entry) => entry.ports === undefined);
    return { entries: rest, outcome: network(rest), wanted: [INSPECT] };
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

  return {
    find,
    decide: (request) => {
      const finding = find(request);
      return finding === undefined ? MALFORMED : conclude(policy, request, finding);
    },
  };
}

const builtinRule = (id: string): RuleReference => ({
  id,
  file: 'builtin',
  line: 0,
  layer: 'builtin',
});

const MALFORMED: Decision = {
  effect: 'deny',
  rule: builtinRule('builtin/malformed'),
  reason: 'the request is not in canonical form',
  matched: [],
  isPrivate: false,
  isInspected: false,
};

function conclude(policy: EffectivePolicy, request: Request, finding: Finding): Decision {
  const { entries, outcome, wanted } = finding;
  const matched = rulesOf(
    entries,
    wanted.reduce((all, bit) => all | bit, 0),
  );
  const level = wanted.find((bit) => (outcome.allowed & bit) !== 0);
  if (level === undefined)
    return { ...refuse(policy, finding), matched, isPrivate: false, isInspected: false };
  const isPrivate = level === PRIVATE;
  const isInspected = level === INSPECT && request.kind === 'connect';
  const granting = grantOf(finding, level);
  // What makes a write private is the better answer to "which rule decided" than what would have let it through.
  const cap = isPrivate
    ? entries.find((e) => (e.list === 'deny' || e.list === 'cap') && (e.bits & WRITE) !== 0)
    : undefined;
  const entry = cap ?? granting;
  return {
    effect: 'allow',
    rule: entry?.reference ?? builtinRule('builtin/default'),
    reason:
      entry?.reason ??
      (isPrivate
        ? 'writes go to a copy that belongs to the session'
        : `allowed by ${entry?.reference.id ?? 'builtin'}${isInspected ? ', every request judged' : ''}`),
    matched,
    isPrivate,
    isInspected,
  };
}

/** The rule that grants a level: of a written layer if one does, highest first; of the builtin layer otherwise. */
function grantOf({ entries, outcome }: Finding, level: number): Entry | undefined {
  const grants = entries.filter(
    (entry) =>
      entry.list === 'allow' &&
      (entry.bits & level) !== 0 &&
      (entry.isDefault ? outcome.byDefault & level : (outcome.room[entry.layer] ?? 0) & level) !==
        0,
  );
  const written = grants.find((entry) => entry.layer > 0);
  if (written !== undefined) return written;
  if (grants.every((entry) => !entry.isDefault)) return grants[0];
  // A default grant that layers narrowed: what they state is the rule a person looks for.
  return (
    entries.find((e) => e.list === 'allow' && e.layer > 0 && (e.bits & level) !== 0) ?? grants[0]
  );
}

function refuse(
  policy: EffectivePolicy,
  finding: Finding,
): Pick<Decision, 'effect' | 'rule' | 'reason'> {
  const { entries, outcome, wanted } = finding;
  const level = wanted.at(-1) ?? READ;
  const denial = entries.find(
    (e) => (e.list === 'deny' || e.list === 'cap') && (e.bits & level) !== 0,
  );
  if (denial !== undefined)
    return {
      effect: 'deny',
      rule: denial.reference,
      reason: denial.reason ?? `denied by ${denial.reference.id}`,
    };
  const over = entries.find((e) => e.list === 'allow' && !e.isDefault && (e.bits & level) !== 0);
  const ceiling =
    over === undefined ? undefined : failedCeiling(policy, outcome, over.layer, level);
  if (over !== undefined && ceiling !== undefined)
    return {
      effect: 'deny',
      rule: ceiling,
      reason: `${over.reference.id} allows it, but it is not within what the ${ceiling.layer} layer lets lower layers allow`,
    };
  return {
    effect: 'deny',
    rule: builtinRule(finding.defaultRule ?? 'builtin/default'),
    reason: finding.defaultReason ?? 'no rule allows it',
  };
}

/** The highest layer, other than the granting one and not below it, whose ceiling leaves the level out. */
function failedCeiling(
  policy: EffectivePolicy,
  outcome: Outcome,
  granting: number,
  level: number,
): RuleReference | undefined {
  const name = policy.layers[granting]?.name;
  const index = policy.layers.findIndex(
    (layer, i) =>
      i !== granting &&
      (i < granting || layer.name === name) &&
      ((outcome.within[i] ?? 0) & level) === 0,
  );
  const layer = policy.layers[index];
  if (layer === undefined) return undefined;
  return { id: `${layer.name}/max`, file: layer.file, line: layer.maxLine ?? 0, layer: layer.name };
}

function rulesOf(entries: readonly Entry[], levels: number): RuleReference[] {
  const rules: RuleReference[] = [];
  for (const { list, reference, bits } of entries) {
    if ((bits & levels) === 0) continue;
    const last = rules.at(-1);
    const isSame =
      last?.id === reference.id && last.line === reference.line && last.file === reference.file;
    if ((list === 'allow' || list === 'deny') && !isSame) rules.push(reference);
  }
  return rules;
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
