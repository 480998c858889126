// Reads a lock file. Hostile like any file of a repository: bounded, strict, and each definition is checked against its digest,
// so that what a reviewer saw change is what changed.

import type { Json, JsonObject } from '../../../model/credential.ts';
import type { DefinitionKind } from '../../../model/mcp.ts';
import { MCP_LOCK_VERSION } from '../../../model/mcp-lock.ts';
import type {
  LockedDefinition,
  LockedPlace,
  LockedServer,
  McpLock,
} from '../../../model/mcp-lock.ts';
import { toMessage } from '../../../log/redact.ts';
import { isObject } from '../content/shape.ts';
import { readJson } from '../json/read.ts';
import { admit, withoutDrawings } from './admissible.ts';
import { digestOf } from './digest.ts';
import { lockFault } from './lock-fault.ts';
import { shownName } from './names.ts';

/** bytes */
export const LONGEST_LOCK = 8 * 1024 * 1024;
const LIMITS = { bytes: LONGEST_LOCK, depth: 60, nodes: 1_000_000, key: 4096 };

const SERVER_FIELDS = new Set([
  'at',
  'packages',
  'era',
  'revision',
  'serverInfo',
  'capabilities',
  'instructions',
  'tools',
  'prompts',
  'resources',
  'templates',
]);

/** Throws `MCP_LOCK_*`. */
export function readLock(bytes: Buffer): McpLock {
  const { fault, value, at } = readJson(bytes, { limits: LIMITS });
  if (fault === 'size' || fault === 'depth' || fault === 'nodes')
    throw lockFault(
      'MCP_LOCK_SIZE',
      `expected at most ${LONGEST_LOCK} bytes and 60 levels (${fault})`,
    );
  if (fault !== undefined)
    throw lockFault('MCP_LOCK_JSON', `expected strict JSON, got ${fault} at character ${at}`);
  if (!isObject(value)) throw shape('expected an object');
  const { version, servers, ...rest } = value;
  if (version !== MCP_LOCK_VERSION)
    throw lockFault(
      'MCP_LOCK_VERSION',
      `expected version ${MCP_LOCK_VERSION}, got ${shown(version)}`,
    );
  noOthers(rest, 'lock');
  if (!isObject(servers)) throw shape('expected `servers` to be an object');
  const entries = Object.entries(servers).map(([id, server]) => [id, readServer(id, server)]);
  return { version, servers: Object.fromEntries(entries) as Record<string, LockedServer> };
}

function readServer(id: string, server: Json): LockedServer {
  if (!/^[a-z0-9-]{1,32}$/.test(id)) throw shape(`expected a server id, got ${shown(id)}`);
  if (!isObject(server)) throw shape(`expected an object for ${id}`);
  const others = Object.keys(server).filter((key) => !SERVER_FIELDS.has(key));
  noOthers(Object.fromEntries(others.map((key) => [key, null])), id);
  const { era, revision, serverInfo, capabilities, instructions, packages } = server;
  if (era !== 'legacy' && era !== 'modern') throw shape(`expected an era for ${id}`);
  if (typeof revision !== 'string' || !/^[\w.-]{1,32}$/.test(revision))
    throw shape(`expected a protocol revision for ${id}`);
  if (!isObject(serverInfo)) throw shape(`expected \`serverInfo\` for ${id}`);
  if (!isObject(capabilities)) throw shape(`expected \`capabilities\` for ${id}`);
  if (instructions !== undefined && typeof instructions !== 'string')
    throw shape(`expected \`instructions\` of ${id} to be a text`);
  const list = (field: string, kind: DefinitionKind): LockedDefinition[] =>
    readDefinitions(id, field, kind, server[field]);
  return {
    at: readPlace(id, server.at),
    ...(packages === undefined ? {} : { packages: readPackages(id, packages) }),
    era,
    revision,
    serverInfo,
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
    tools: list('tools', 'tool'),
    prompts: list('prompts', 'prompt'),
    resources: list('resources', 'resource'),
    templates: list('templates', 'template'),
  };
}

function readPlace(id: string, at: Json | undefined): LockedPlace {
  const areTexts = (list: Json | undefined): list is string[] =>
    Array.isArray(list) && list.every((item) => typeof item === 'string');
  if (isObject(at) && at.kind === 'remote' && typeof at.url === 'string') {
    const { kind, url, ...rest } = at;
    noOthers(rest, `${id}.at`);
    return { kind, url };
  }
  if (isObject(at) && at.kind === 'local' && areTexts(at.command) && areTexts(at.environment)) {
    const { kind, command, environment, ...rest } = at;
    noOthers(rest, `${id}.at`);
    return { kind, command: command, environment: environment };
  }
  throw shape(`expected where ${id} is: a URL, or a command and names of variables`);
}

function readPackages(id: string, packages: Json): Record<string, string> {
  if (!isObject(packages)) throw shape(`expected \`packages\` of ${id} to be an object`);
  for (const [name, digest] of Object.entries(packages))
    if (typeof digest !== 'string' || !/^(?:sha\d{3}[-:])[A-Za-z0-9+/=]{32,256}$/.test(digest))
      throw shape(`expected a digest for package ${shown(name)} of ${id}`);
  return packages as Record<string, string>;
}

function readDefinitions(
  id: string,
  field: string,
  kind: DefinitionKind,
  list: Json | undefined,
): LockedDefinition[] {
  if (!Array.isArray(list)) throw shape(`expected a list \`${field}\` for ${id}`);
  const names = new Set<string>();
  return list.map((item, index) => {
    const place = `${id}.${field}[${index}]`;
    if (!isObject(item) || !isObject(item.definition) || typeof item.digest !== 'string')
      throw shape(`expected a digest and a definition at ${place}`);
    const { digest, definition, shownAs, ...rest } = item;
    noOthers(rest, place);
    if (digest !== digestOf(definition))
      throw lockFault(
        'MCP_LOCK_DIGEST',
        `the definition at ${place} is not the one its digest is of`,
      );
    const { name, faults } = admit(kind, definition);
    if (faults.length > 0) throw shape(`${place} cannot be served (${faults[0]?.detector})`);
    if (digestOf(withoutDrawings(definition)) !== digest)
      throw shape(`${place} holds icons or pages, which are never served`);
    if (names.has(name)) throw shape(`${place} has the name of another`);
    names.add(name);
    return { digest, definition, ...readShownAs(id, name, kind, shownAs, place) };
  });
}

function readShownAs(
  id: string,
  name: string,
  kind: DefinitionKind,
  shownAs: Json | undefined,
  place: string,
): { shownAs?: string } {
  if (shownAs === undefined) return {};
  if (kind !== 'tool' || shownAs !== shownName(id, name))
    throw shape(`\`shownAs\` at ${place} is not the name it comes to`);
  return { shownAs };
}

function noOthers(rest: JsonObject, place: string): void {
  const [other] = Object.keys(rest);
  if (other !== undefined) throw shape(`unknown field ${shown(other)} in ${toMessage(place, 80)}`);
}

function shape(message: string): Error {
  return lockFault('MCP_LOCK_SHAPE', message);
}

function shown(value: Json | undefined): string {
  return toMessage(JSON.stringify(value ?? null), 80);
}
