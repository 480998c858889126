// The rules that would allow one request and as little else as can be written.
import { parseAddress, unwrapAddress } from '../match/address.ts';
import { specialRange } from '../match/special.ts';
import { readUrlPattern } from '../match/url-path.ts';
import type { RuleOrigin, Sections } from '../model/policy.ts';
import type { Request } from '../model/request.ts';
import { escapeText } from './request-syntax.ts';
import { MAX_TEXT } from './schema-words.ts';

type HttpRequest = Extract<Request, { kind: 'http' }>;

export interface Grant {
  /** as YAML, to copy */
  lines: string;
  add: (sections: Sections) => Sections;
}

const ORIGIN: RuleOrigin = { place: 'edit', file: '', line: 0, column: 0 };

/** The rules that would allow the request, the likeliest first. */
export function grantsFor(request: Request): Grant[] {
  switch (request.kind) {
    case 'http':
      return requestGrant(request);
    case 'connect':
      return networkGrant(request.host, request.port, { protocol: request.protocol });
    case 'resolve':
      return networkGrant(request.name, 443);
    case 'read':
    case 'write':
      return fileGrant(request.path, request.kind);
    case 'exec':
      return [...programGrant(request.path), ...fileGrant(request.path, 'read')];
    case 'tool':
      return mcpGrant(request.server, 'tools', request.tool);
    case 'prompt':
      return mcpGrant(request.server, 'prompts', request.name);
    case 'resource':
      return mcpGrant(request.server, 'resources', request.uri);
    case 'feature':
      return mcpGrant(request.server, 'features', request.name);
    case 'mint':
      return [];
  }
}

/** A rule for this request alone; where its path is too long for a pattern, for its method. */
function requestGrant({ method, host, port, path }: HttpRequest): Grant[] {
  const { pattern } = readUrlPattern(path.replaceAll('*', '%2A'));
  const methods = [method];
  return pattern === undefined || pattern.length > MAX_TEXT
    ? networkGrant(host, port, { methods })
    : networkGrant(host, port, { methods, paths: [pattern] });
}

function networkGrant(
  host: string,
  port: number,
  only: Partial<Record<'methods' | 'paths', string[]>> & { protocol?: 'udp' | undefined } = {},
): Grant[] {
  const address = parseAddress(host);
  const { protocol, ...requested } = only;
  const isUdp = protocol === 'udp';
  const ports = !isUdp && (port === 80 || port === 443) ? '' : `, ports: [${port}]`;
  if (
    address !== undefined &&
    (specialRange(unwrapAddress(address))?.kind === 'never' ||
      unwrapAddress(address).family !== address.family)
  )
    return [];
  const cidr = address === undefined ? undefined : `${host}/${address.family === 4 ? 32 : 128}`;
  const target =
    cidr === undefined ? `host: ${host.includes('.') ? host : `${host}.`}` : `cidr: "${cidr}"`;
  const rule = {
    ...ORIGIN,
    hosts: cidr === undefined ? [host] : [],
    cidrs: cidr === undefined ? [] : [cidr],
    ports: [port],
    ...requested,
    ...(isUdp ? { protocol } : {}),
  };
  const rest = [
    ...(isUdp ? [', protocol: udp'] : []),
    ...(only.methods === undefined ? [] : [`, methods: [${only.methods.join(', ')}]`]),
    ...(only.paths === undefined ? [] : [`, paths: ["${only.paths.join('", "')}"]`]),
  ].join('');
  return [
    {
      lines: `network:\n  allow:\n    - {${target}${ports}${rest}}`,
      add: (sections) => ({
        ...sections,
        network: { ...sections.network, allow: [...sections.network.allow, rule] },
      }),
    },
  ];
}

function fileGrant(path: string, access: 'read' | 'write'): Grant[] {
  const text = patternOf(path);
  if (text === undefined) return [];
  return [
    {
      lines: `filesystem:\n  allow:\n    - {path: ${text}, access: ${access}}`,
      add: (sections) => ({
        ...sections,
        filesystem: {
          ...sections.filesystem,
          allow: [...sections.filesystem.allow, { ...ORIGIN, path, access }],
        },
      }),
    },
  ];
}

function programGrant(path: string): Grant[] {
  const text = patternOf(path);
  if (text === undefined) return [];
  return [
    {
      lines: `execution:\n  allow:\n    - {path: ${text}}`,
      add: (sections) => ({
        ...sections,
        execution: {
          ...sections.execution,
          allow: [...sections.execution.allow, { ...ORIGIN, path }],
        },
      }),
    },
  ];
}

/** A rule for one name, whatever the arguments; none where the name cannot be written so that it means itself alone. */
function mcpGrant(
  server: string,
  list: 'tools' | 'prompts' | 'resources' | 'features',
  name: string,
): Grant[] {
  if (escapeText(name) !== name || name.includes('*') || name.length > MAX_TEXT) return [];
  // A request may come from a log of unknown make: no name can end its place and say more than itself.
  if (escapeText(server) !== server || (list === 'features' && !/^[a-z-]+$/.test(name))) return [];
  const text = list === 'features' ? name : JSON.stringify(name);
  const isPlain = /^[a-z][a-z0-9-]*$/.test(server) && !IS_WORD.test(server);
  const id = isPlain ? server : JSON.stringify(server);
  return [
    {
      lines: `mcp:\n  allow:\n    - {server: ${id}, ${list}: [${text}]}`,
      add: (sections) => ({
        ...sections,
        mcp: {
          ...sections.mcp,
          allow: [...sections.mcp.allow, { ...ORIGIN, servers: [server], [list]: [name] }],
        },
      }),
    },
  ];
}

/** What YAML does not take for a text. */
const IS_WORD = /^(?:true|false|null)$/;

/** The path as a pattern that matches it alone, in quotes; undefined where none can be written. */
function patternOf(path: string): string | undefined {
  return escapeText(path) !== path || /[*?{}$"]/.test(path) ? undefined : `"${path}"`;
}
