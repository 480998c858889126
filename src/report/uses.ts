// What the guest got: hosts it reached, tools it called, files it could write. Read from decisions that let something
// through, audit mode's included.

import type { LogRecord } from '../log/record.ts';
import { createBoundedMap, visible } from './bounded.ts';

const MAX_HOSTS = 500;
const MAX_TOOLS = 500;
const MAX_FILES = 2000;

export interface HostUse {
  /** `HOST:PORT` or `HOST:PORT/udp` */
  host: string;
  connections: number;
  requests: number;
}

export interface ToolUse {
  kind: 'tool' | 'prompt' | 'resource' | 'feature';
  /** `SERVER/NAME`; of a resource `SERVER URI` */
  name: string;
  allowed: number;
  denied: number;
  /** calls that were allowed and did not end well */
  failed: number;
}

export interface FileUse {
  path: string;
  /** decisions: one for each write, create, rename or remove that was asked about */
  count: number;
}

export interface Uses {
  hosts: HostUse[];
  tools: ToolUse[];
  files: FileUse[];
  omitted: { hosts: number; tools: number; files: number };
}

export interface UseCollector {
  add(record: LogRecord): void;
  finish(): Uses;
}

export function createUseCollector(): UseCollector {
  const hosts = createBoundedMap<HostUse>(MAX_HOSTS);
  const tools = createBoundedMap<ToolUse>(MAX_TOOLS);
  const files = createBoundedMap<FileUse>(MAX_FILES);

  function addDecision({ surface, request = '', effect, enforced, count = 1 }: LogRecord): void {
    const isLetThrough = effect === 'allow' || (effect === 'deny' && enforced === false);
    if (surface === 'mcp') addTool(request, isLetThrough, count);
    else if (!isLetThrough) return;
    else if (surface === 'network') addHost(request, count);
    else if (surface === 'filesystem' && request.startsWith('write ')) {
      const path = visible(request.slice('write '.length));
      const file = files.get(path, () => ({ path, count: 0 }));
      if (file) file.count += count;
    }
  }

  function addHost(request: string, count: number): void {
    const target = targetOf(request);
    if (target === undefined) return;
    const host = visible(target.host);
    const use = hosts.get(host, () => ({ host, connections: 0, requests: 0 }));
    if (use) use[target.kind] += count;
  }

  function addTool(request: string, isLetThrough: boolean, count: number): void {
    const match = /^(tool|prompt|feature) ([^ ]+)|^(resource) (.+)/su.exec(request);
    const kind = match?.[1] ?? match?.[3];
    if (kind === undefined) return;
    const use = toolOf(kind as ToolUse['kind'], visible(match?.[2] ?? match?.[4]));
    if (use) use[isLetThrough ? 'allowed' : 'denied'] += count;
  }

  function toolOf(kind: ToolUse['kind'], name: string): ToolUse | undefined {
    return tools.get(`${kind} ${name}`, () => ({ kind, name, allowed: 0, denied: 0, failed: 0 }));
  }

  function addOutcome({ surface, fields }: LogRecord): void {
    const { method, server, name, status } = fields;
    if (surface !== 'mcp' || method !== 'tools/call') return;
    if (status === 'ok' || status === 'input-required' || typeof status !== 'string') return;
    if (typeof server !== 'string' || typeof name !== 'string') return;
    const use = toolOf('tool', visible(`${server}/${name}`));
    if (use) use.failed += 1;
  }

  return {
    add(record) {
      if (record.type === 'decision') addDecision(record);
      else if (record.type === 'outcome') addOutcome(record);
    },
    finish: () => ({
      hosts: hosts.values().sort((a, b) => b.requests + b.connections - a.requests - a.connections),
      tools: tools.values(),
      files: files.values(),
      omitted: { hosts: hosts.omitted, tools: tools.omitted, files: files.omitted },
    }),
  };
}

/** Where a request of the network goes; a name that is only looked up reaches nobody. */
function targetOf(request: string): { host: string; kind: 'connections' | 'requests' } | undefined {
  if (request.startsWith('connect '))
    return { host: request.slice('connect '.length), kind: 'connections' };
  const match = /^[A-Z][A-Z0-9_-]* (https?):\/\/([^/?#]+)/.exec(request);
  const [, scheme, authority] = match ?? [];
  if (authority === undefined) return undefined;
  const port = scheme === 'https' ? 443 : 80;
  return { host: /:\d+$/.test(authority) ? authority : `${authority}:${port}`, kind: 'requests' };
}
