// The tool servers that a session has: those of the layers, as far as the ceilings above leave them.
// Invariant: what no ceiling surely holds (the server itself, where it goes, what its sandbox may do, where its credential is put in)
// is left out whole, and whatever was left out is a clamp.
import { parseAddress } from '../match/address.ts';
import { containsName } from '../match/tool.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type {
  Clamp,
  GrantedServer,
  Layer,
  NetworkRule,
  RuleOrigin,
  WrittenServer,
} from '../model/policy.ts';
import { canonicalJson } from './canonical.ts';
import { type Ceiling, ceilingsAbove, defaultWorkspace, exceedingRules } from './clamp.ts';
import { grantCredentials } from './credential-grants.ts';
import { noSections } from './sections.ts';
import { readServerUrl, SERVER_METHODS, type ServerReach } from './server-url.ts';

export interface ServerGrants {
  servers: GrantedServer[];
  clamps: Clamp[];
  diagnostics: Diagnostic[];
}

export function grantServers(layers: readonly Layer[]): ServerGrants {
  const clamps: Clamp[] = [];
  const servers = layers.flatMap((layer) =>
    layer.mcp.servers.flatMap(({ at, ...written }): GrantedServer[] => {
      if (at === undefined) return [];
      const server: GrantedServer = { ...written, at, layer: layer.name };
      const fault = ceilingsAbove(layers, layer)
        .flatMap((ceiling) => faultUnder(ceiling, server, layers) ?? [])
        .concat(faultOfCredential(server, layer, layers) ?? [])
        .at(0);
      if (fault === undefined) return [server];
      clamps.push({
        rule: { ...originOf(server), layer: layer.name },
        by: fault.by,
        message: `${layer.name}/${server.id}, a tool server, ${fault.what}: it is left out`,
      });
      return [];
    }),
  );
  return { servers, clamps, diagnostics: findTwins(layers) };
}

interface Fault {
  by: string;
  what: string;
}

function faultUnder(
  ceiling: Ceiling,
  server: GrantedServer,
  layers: readonly Layer[],
): Fault | undefined {
  const { layer } = ceiling;
  const by = `${layer.name}/max`;
  const where = `(${layer.file}:${layer.maxLine ?? 1})`;
  const bounds = layer.max?.mcp.servers ?? [];
  if (!bounds.some((bound) => isServerWithin(server, bound)))
    return { by, what: `exceeds what the ${layer.name} layer allows ${where}` };
  const reached = reachRule(server);
  const sections =
    reached === undefined
      ? (server.sandbox ?? noSections())
      : { ...noSections(), network: { allow: [reached], deny: [] } };
  const [rule] = exceedingRules(sections, ceiling, defaultWorkspace(layers));
  if (rule === undefined) return undefined;
  return {
    by,
    what:
      reached === undefined
        ? `may do more in its sandbox (\`${rule.id ?? rule.place}\`) than the ${layer.name} layer allows ${where}`
        : `is at a URL that the network of the ${layer.name} layer does not let lower ones reach ${where}`,
  };
}

/** By its id, and where the bound says so, by exactly where it is. */
function isServerWithin({ id, at }: GrantedServer, bound: WrittenServer): boolean {
  if (!containsName(bound.id, id)) return false;
  if (bound.at === undefined) return true;
  if (bound.at.kind === 'local' || at.kind === 'local')
    return canonicalJson(bound.at) === canonicalJson(at);
  const [own, outer] = [readServerUrl(at.url).reach, readServerUrl(bound.at.url).reach];
  return own !== undefined && outer !== undefined && canonicalJson(own) === canonicalJson(outer);
}

/** Where the requests to a remote server go; undefined for a local one. */
export function reachOf({ at }: Pick<GrantedServer, 'at'>): ServerReach | undefined {
  return at.kind === 'remote' ? readServerUrl(at.url).reach : undefined;
}

/** The allow that a remote server's URL comes to: its host, port, path and methods, and nothing else. */
export function reachRule(server: GrantedServer): NetworkRule | undefined {
  const reach = reachOf(server);
  if (reach === undefined) return undefined;
  const address = parseAddress(reach.host);
  return {
    ...originOf(server),
    hosts: address === undefined ? [reach.host] : [],
    cidrs: address === undefined ? [] : [`${reach.host}/${address.family === 4 ? 32 : 128}`],
    ports: [reach.port],
    methods: [...SERVER_METHODS],
    paths: [reach.path.replaceAll('*', '%2A')],
  };
}

/** The credential must be one that is minted, and the ceilings over it must let it be put in at the server's URL. */
function faultOfCredential(
  server: GrantedServer,
  layer: Layer,
  layers: readonly Layer[],
): Fault | undefined {
  if (server.credential === undefined) return undefined;
  const written = layer.credentials.find(({ id }) => id === server.credential);
  const rule = reachRule(server);
  if (written === undefined || rule === undefined)
    return { by: 'credentials', what: `has no credential "${server.credential}"` };
  if (rule.hosts.length === 0)
    return { by: 'credentials', what: 'is at an address, and a credential goes to a name alone' };
  const bind = {
    hosts: rule.hosts,
    ports: rule.ports ?? [],
    methods: [...SERVER_METHODS],
    paths: rule.paths ?? [],
    headers: ['authorization'],
  };
  const { place, file, line, column } = server;
  const probe = {
    ...written,
    place,
    file,
    line,
    column,
    bind: [bind],
    expose: { env: [], git: [], metadata: false },
  };
  const { credentials, clamps } = grantCredentials(
    layers.map((one) => (one === layer ? { ...one, credentials: [probe] } : one)),
  );
  const granted = credentials.find((one) => one.layer === layer.name && one.place === place);
  if (granted?.bind.length === 1) return undefined;
  const by = clamps.find((clamp) => clamp.rule.place === place)?.by ?? 'credentials';
  return { by, what: `uses "${server.credential}" where the ceiling of ${by} does not let it go` };
}

const originOf = ({ id, place, file, line, column, reason }: GrantedServer): RuleOrigin => ({
  id,
  place,
  file,
  line,
  column,
  ...(reason !== undefined && { reason }),
});

/** Servers have one name each, in all layers. */
function findTwins(layers: readonly Layer[]): Diagnostic[] {
  const seen = new Map<string, RuleOrigin>();
  return layers.flatMap((layer) =>
    layer.mcp.servers.flatMap((server): Diagnostic[] => {
      const other = seen.get(server.id);
      if (other === undefined) {
        seen.set(server.id, server);
        return [];
      }
      return [
        {
          code: 'duplicate-id',
          severity: 'error',
          file: server.file,
          span: { line: server.line, column: server.column, offset: 0, length: 1 },
          message: `the server id "${server.id}" is taken by the server at ${other.file}:${other.line}`,
        },
      ];
    }),
  );
}

/** Rules that name a server which nobody defines: they never match anything. */
export function findUnknownServers(
  layers: readonly Layer[],
  others: readonly string[] = [],
): Diagnostic[] {
  const known = new Set([
    ...others,
    ...layers.flatMap(({ mcp }) => mcp.servers.map(({ id }) => id)),
  ]);
  return layers.flatMap(({ mcp }) =>
    [...mcp.allow, ...mcp.deny].flatMap(({ servers, file, line, column }) =>
      servers
        .filter((id) => !id.includes('*') && !known.has(id))
        .map((id) => ({
          code: 'no-effect',
          severity: 'warning' as const,
          file,
          span: { line, column, offset: 0, length: 1 },
          message: `no layer defines a tool server "${id}", so nothing here speaks of any call`,
        })),
    ),
  );
}
