// Turns the rules of all layers into entries that can be found by name, address or path. Done once per policy.
import { type Address, parseBlock } from '../match/address.ts';
import { parseHostPattern } from '../match/host.ts';
import { compilePath, foldPath, namesDirectory } from '../match/path.ts';
import type { SpecialRange } from '../match/special.ts';
import type { RuleReference } from '../model/decision.ts';
import type {
  Access,
  EffectivePolicy,
  ExecutionRule,
  FilesystemRule,
  Layer,
  NetworkRule,
  RuleOrigin,
  Sections,
} from '../model/policy.ts';
import { createHostIndex } from './index-hosts.ts';
import { createPathIndex, type PathIndex } from './index-paths.ts';
import {
  compileRequests,
  isRequestLevel,
  matchesNoRequest,
  type RequestPattern,
} from './request-rule.ts';

/** Levels of access as bits; a rule speaks of a set of them. Execution knows only the first. */
export const READ = 1;
export const PRIVATE = 2;
export const WRITE = 4;
/**
 * Levels of the network: bytes pass unread; a connection whose requests are judged one by one; one of those requests;
 * datagrams, which nobody reads.
 */
export const PASS = 8;
export const INSPECT = 16;
export const REQUEST = 32;
export const DATAGRAM = 64;

/**
 * `cap`: an allow seen from its other side. With `access: private` the host's file must not change; where requests are counted
 * no bytes may pass unread.
 */
export type ListName = 'allow' | 'deny' | 'cap' | 'maxAllow' | 'maxDeny';

export interface Entry {
  /** index into `policy.layers` */
  layer: number;
  list: ListName;
  bits: number;
  reference: RuleReference;
  /** the author's own words, if any */
  reason: string | undefined;
  /** every port when absent */
  ports: readonly number[] | undefined;
  /** the HTTP requests it speaks of; every one when absent */
  requests: RequestPattern | undefined;
  isDefault: boolean;
  filesOnly: boolean;
  /** what a network rule counts */
  counts: { [K in 'limit' | 'egress']: NetworkRule[K] | undefined } | undefined;
  /** position among all entries: highest layer first */
  order: number;
}

export interface Compiled {
  findName(name: string): Entry[];
  findAddress(address: Address, special: SpecialRange | undefined): Entry[];
  findFile(path: string): Entry[];
  findExecutable(path: string): Entry[];
}

export function compilePolicy(policy: EffectivePolicy): Compiled {
  const hosts = createHostIndex<Entry>();
  const files = createPathIndex<Entry>();
  const executables = createPathIndex<Entry>();
  let order = 0;

  policy.layers.forEach((layer, index) => {
    const toEntry = (rule: RuleOrigin, list: ListName, bits: number): Entry =>
      createEntry(rule, layer, index, list, bits, order++);
    const addSections = (sections: Sections, allow: ListName, deny: ListName): void => {
      for (const [list, rules] of [
        [allow, sections.network.allow],
        [deny, sections.network.deny],
      ] as const)
        for (const rule of rules)
          addNetwork(toEntry(rule, list, networkLevels(rule, isDenying(list))), rule);
      for (const rule of sections.filesystem.allow) {
        addFile(toEntry(rule, allow, GRANTED[rule.access ?? 'read']), rule);
        if (rule.access === 'private' && allow === 'allow')
          addFile(toEntry(rule, 'cap', WRITE), rule);
      }
      for (const rule of sections.filesystem.deny)
        addFile(toEntry(rule, deny, DENIED[rule.access ?? 'read']), rule);
      for (const rule of sections.execution.allow)
        addExecutable(executables, toEntry(rule, allow, READ), rule);
      for (const rule of sections.execution.deny)
        addExecutable(executables, toEntry(rule, deny, READ), rule);
    };
    addSections(layer, 'allow', 'deny');
    if (layer.max !== undefined) addSections(layer.max, 'maxAllow', 'maxDeny');
  });

  function addNetwork(bare: Entry, rule: NetworkRule): void {
    if (matchesNoRequest(rule)) return;
    const requests = compileRequests(rule, isDenying(bare.list));
    const { limit, egress } = rule;
    const counts = limit === undefined && egress === undefined ? undefined : { limit, egress };
    const entry: Entry = { ...bare, ports: rule.ports, requests, counts };
    // Requests can be counted only where they are seen: then no other rule lets the bytes pass unread.
    const cap: Entry = { ...entry, list: 'cap', bits: PASS, counts: undefined };
    for (const one of counts !== undefined && requests !== undefined ? [entry, cap] : [entry]) {
      for (const text of rule.hosts) {
        const pattern = parseHostPattern(text);
        if (pattern !== undefined) hosts.addHost(pattern, one, isDenying(bare.list));
      }
      for (const text of rule.cidrs) {
        const block = parseBlock(text);
        if (block !== undefined) hosts.addBlock(block, one, isDenying(bare.list));
      }
    }
  }

  function addFile(entry: Entry, rule: FilesystemRule): void {
    const covers = isDenying(entry.list) || namesDirectory(rule.path);
    const ignoreCase = rule.ignoreCase === true;
    const pattern = compilePath(
      ignoreCase ? foldPath(rule.path) : rule.path,
      covers && rule.filesOnly !== true,
    );
    files.add(pattern, { ...entry, filesOnly: rule.filesOnly === true }, ignoreCase);
  }

  const gather =
    <A extends unknown[]>(find: (...args: [...A, (entry: Entry) => void]) => void) =>
    (...args: A): Entry[] => {
      const entries: Entry[] = [];
      find(...args, (entry) => void entries.push(entry));
      return entries.length > 1 ? entries.sort((a, b) => a.order - b.order) : entries;
    };
  return {
    findName: gather((name: string, found) => hosts.findName(name, found)),
    findAddress: gather((address: Address, special: SpecialRange | undefined, found) =>
      hosts.findAddress(address, special, found),
    ),
    findFile: gather((path: string, found) => files.find(path, found)),
    findExecutable: gather((path: string, found) => executables.find(path, found)),
  };
}

export function createEntry(
  rule: RuleOrigin,
  layer: Pick<Layer, 'name'>,
  index: number,
  list: ListName,
  bits: number,
  order: number,
): Entry {
  return {
    layer: index,
    list,
    bits,
    reference: referenceTo(rule, layer),
    reason: rule.reason,
    ports: undefined,
    requests: undefined,
    isDefault: rule.default !== undefined,
    filesOnly: false,
    counts: undefined,
    order,
  };
}

/** What an allow with this access grants: write includes the private copy, and both include read. */
export const GRANTED: Record<Access, number> = {
  read: READ,
  private: READ | PRIVATE,
  write: READ | PRIVATE | WRITE,
};

/** What a deny with this access takes away; without one it is the same as `read`: nothing is left. */
export const DENIED: Record<Access, number> = {
  read: READ | PRIVATE | WRITE,
  write: PRIVATE | WRITE,
  private: WRITE,
};

/**
 * A connection-level rule speaks of everything, but an allow opens datagrams only where it says so. A request-level allow
 * opens the connection to judged requests only; a request-level deny leaves it open to them, and takes away what passes
 * unread.
 */
function networkLevels(rule: NetworkRule, isDeny: boolean): number {
  if (rule.protocol === 'udp') return DATAGRAM;
  const datagrams = isDeny && rule.protocol === undefined ? DATAGRAM : 0;
  if (!isRequestLevel(rule)) return PASS | INSPECT | REQUEST | datagrams;
  return isDeny ? PASS | REQUEST | datagrams : INSPECT | REQUEST;
}

export function isDenying(list: ListName): boolean {
  return list === 'deny' || list === 'maxDeny' || list === 'cap';
}

/** A bare name in an execution rule matches the file name anywhere, and nothing below a directory of that name. */
export function isBareName(path: string): boolean {
  return !path.includes('/');
}

function addExecutable(index: PathIndex<Entry>, entry: Entry, rule: ExecutionRule): void {
  const pattern = isBareName(rule.path)
    ? compilePath(`/**/${rule.path}`, false)
    : compilePath(rule.path, isDenying(entry.list) || namesDirectory(rule.path));
  index.add(pattern, entry, false);
}

/** The reference of a rule as it stands in records: `LAYER/ID`, or `LAYER/PLACE` for a rule without an id. */
export function referenceTo(rule: RuleOrigin, layer: Pick<Layer, 'name'>): RuleReference {
  return {
    id: `${layer.name}/${rule.id ?? rule.place}`,
    file: rule.file,
    line: rule.line,
    layer: layer.name,
  };
}
