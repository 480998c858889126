// Layers to one effective policy: paths made absolute, scalars joined by the stricter, locks enforced, clamps recorded.
import type { Diagnostic } from '../model/diagnostic.ts';
import type { McpRule } from '../model/mcp.ts';
import type {
  Access,
  Clamp,
  DefaultGrant,
  EffectivePolicy,
  FilesystemRule,
  GrantedCredential,
  Layer,
  LayerName,
  Limits,
  McpSection,
  Mode,
  Sections,
  WrittenServer,
} from '../model/policy.ts';
import { compilePath, namesDirectory, splitPath, statesAfter } from '../match/path.ts';
import { canonicalJson } from './canonical.ts';
import { findClamps } from './clamp.ts';
import { findCredentialTwins, findUnreachedBinds } from './credential-checks.ts';
import { grantCredentials } from './credential-grants.ts';
import { guardRules } from './credential-guards.ts';
import { placeSelf } from './credential-self.ts';
import { createDecider } from './decide.ts';
import type { DocumentSections, LayerSource, PolicyDocument } from './document.ts';
import { hasErrors } from './diagnostic.ts';
import { findLocked, findMisplaced, findUnexpanded, findUnreachedLinks } from './layer-checks.ts';
import { placeArguments } from './place-arguments.ts';
import { smallestMcpLimits } from './mcp-limits.ts';
import { resolveSecrets } from './mcp-secrets.ts';
import { type Host, placeProgram, placeRule } from './place.ts';
import { noSections } from './sections.ts';
import { findUnknownServers, grantServers } from './server-grants.ts';
import { resolveWorkflow } from './workflow.ts';
import { resolveMode, resolveUser, smallestLimits } from './scalars.ts';

/** What the flags of one run ask for. */
export interface RunRequest {
  workspaceAccess?: Access;
  mode?: Mode;
  limits?: Partial<Limits>;
}

export interface ResolveInput extends Host {
  builtin: Layer;
  sources: readonly LayerSource[];
  run?: RunRequest;
  /** the host's file system does not tell upper from lower case */
  ignoreCase?: boolean;
  /** OWNER/NAME of the repository the run is for */
  repository?: string;
  /** ids of tool servers that no layer here defines, and that are there: those of the session around */
  servers?: readonly string[];
  /** `sha256:…` of a text */
  hash: (text: string) => string;
}

export interface Resolution {
  policy?: EffectivePolicy;
  diagnostics: Diagnostic[];
}

const RANKS: readonly LayerName[] = ['builtin', 'org', 'team', 'user', 'repo', 'run'];

export function resolvePolicy(input: ResolveInput): Resolution {
  // Teams have no order among themselves: sorted, so that the same teams give the same policy.
  const sources = [...input.sources].sort(
    (a, b) =>
      RANKS.indexOf(a.name) - RANKS.indexOf(b.name) ||
      (a.documents[0].file < b.documents[0].file
        ? -1
        : a.documents[0].file > b.documents[0].file
          ? 1
          : 0),
  );
  const diagnostics = [
    ...findLocked(sources, input.run),
    ...findMisplaced(sources),
    ...findUnexpanded(sources),
  ];
  if (hasErrors(diagnostics)) return { diagnostics };

  const written = sources.map((source) => toLayer(source, input));
  const hasOrg = sources.some((source) => source.name === 'org');
  const runClamps: Clamp[] = [];
  const run = toRunLayer(input, hasOrg, runClamps);
  const placed = [input.builtin, ...written.map((one) => ownPlaced(one, input))];
  const granted = grantCredentials(placed);
  const { credentials } = granted;
  const served = grantServers(placed);
  diagnostics.push(
    ...findCredentialTwins(credentials),
    ...served.diagnostics,
    ...findUnknownServers(written, input.servers),
  );
  if (hasErrors(diagnostics)) return { diagnostics };
  const layers = [
    guarded(input.builtin, credentials),
    ...written,
    ...(run === undefined ? [] : [run]),
  ];
  diagnostics.push(...findUnreachedLinks(sources, input));

  const secrets = resolveSecrets(layers, runClamps);
  const mode = resolveMode(sources, input.run?.mode, hasOrg, runClamps);
  const user = resolveUser(sources, hasOrg, runClamps);
  const workflow = resolveWorkflow(sources, runClamps);
  const requires = sources.flatMap((source) =>
    source.documents.map((document) => document.require),
  );
  const policy: Omit<EffectivePolicy, 'digest'> = {
    version: 1,
    mode,
    workspace: input.workspace,
    home: input.home,
    layers,
    limits: smallestLimits([
      ...sources.map((source) => joinLimits(source.documents)),
      input.run?.limits ?? {},
    ]),
    require: {
      ...(requires.some(({ isolation }) => isolation === 'hardware') && { isolation: 'hardware' }),
      ...(requires.some(({ identity }) => identity === 'oidc') && { identity: 'oidc' }),
    },
    user,
    clamps: [...findClamps(layers), ...granted.clamps, ...served.clamps, ...runClamps],
    credentials,
    mcp: { servers: served.servers, secrets, limits: smallestMcpLimits(layers) },
    workflow,
  };
  policy.clamps.push(...findUnreachedBinds(credentials, createDecider({ ...policy, digest: '' })));
  return { policy: { ...policy, digest: input.hash(canonicalJson(policy)) }, diagnostics };
}

/** The layer with the repository of the run where its credentials, and those of its ceiling, say \`self\`. */
function ownPlaced(layer: Layer, { repository }: ResolveInput): Layer {
  const place = ({ credentials }: Sections): Pick<Sections, 'credentials'> => ({
    credentials: credentials.map((one) => placeSelf(one, repository)),
  });
  return {
    ...layer,
    ...place(layer),
    ...(layer.max && { max: { ...layer.max, ...place(layer.max) } }),
  };
}

/** What credentials could be abused for is closed above all layers. */
function guarded(builtin: Layer, credentials: readonly GrantedCredential[]): Layer {
  const { allow, deny } = builtin.network;
  return { ...builtin, network: { allow, deny: [...deny, ...guardRules(credentials)] } };
}

/** Within one layer the extending document speaks over those it extends. */
function joinLimits(documents: readonly PolicyDocument[]): Partial<Limits> {
  return documents.reduceRight<Partial<Limits>>(
    (joined, document) => ({ ...joined, ...document.limits }),
    {},
  );
}

function toLayer(source: LayerSource, input: ResolveInput): Layer {
  const [own] = source.documents;
  const maxes = source.documents.flatMap((document) => document.max ?? []);
  return {
    name: source.name,
    file: own.file,
    digest: source.digest,
    ...joinSections(source.documents, input),
    ...(maxes.length === 0 ? {} : { max: joinSections(maxes, input) }),
    ...(own.maxLine === undefined ? {} : { maxLine: own.maxLine }),
    ...(own.origin === undefined ? {} : { origin: own.origin.repository }),
  };
}

function joinSections(all: readonly DocumentSections[], input: ResolveInput): Sections {
  const flat = <S, R>(pick: (sections: DocumentSections) => S[], convert: (rule: S) => R[]): R[] =>
    all.flatMap((sections) => pick(sections).flatMap(convert));
  const placeFile =
    (isDeny: boolean) =>
    (rule: FilesystemRule): FilesystemRule[] =>
      placeRule(rule, isDeny, input).map((placed) =>
        input.ignoreCase === true && (isDeny || rule.access === 'private')
          ? { ...placed, ignoreCase: true }
          : placed,
      );
  const sections = {
    credentials: all.flatMap((one) => one.credentials),
    network: {
      allow: all.flatMap((one) => one.network.allow),
      deny: all.flatMap((one) => one.network.deny),
    },
    filesystem: {
      allow: flat((one) => one.filesystem.allow, placeFile(false)),
      deny: flat((one) => one.filesystem.deny, placeFile(true)),
    },
    execution: {
      allow: flat(
        (one) => one.execution.allow,
        (rule) => placeProgram(rule, false, input),
      ),
      deny: flat(
        (one) => one.execution.deny,
        (rule) => placeProgram(rule, true, input),
      ),
    },
    mcp: joinMcp(all, input),
  };
  return { ...sections, narrows: narrowsOf(all, sections, input.workspace) };
}

function joinMcp(all: readonly DocumentSections[], input: ResolveInput): McpSection {
  const place = (rule: McpRule): McpRule => placeArguments(rule, input);
  return {
    allow: all.flatMap(({ mcp }) => mcp.allow.map(place)),
    deny: all.flatMap(({ mcp }) => mcp.deny.map(place)),
    servers: all.flatMap(({ mcp }) =>
      mcp.servers.map(({ sandbox, ...server }): WrittenServer => ({
        ...server,
        ...(sandbox && { sandbox: joinSections([sandbox], input) }),
      })),
    ),
    // As for scalars, the extending document speaks over those it extends.
    secrets: all.reduceRight((joined, { mcp }) => ({ ...joined, ...mcp.secrets }), {}),
    limits: all.reduceRight((joined, { mcp }) => ({ ...joined, ...mcp.limits }), {}),
  };
}

/** The default grants that these lists replace: the workspace's only when they speak of it, or of nothing at all. */
function narrowsOf(
  all: readonly DocumentSections[],
  sections: Omit<Sections, 'narrows'>,
  workspace: string,
): DefaultGrant[] {
  const { allow } = sections.filesystem;
  const stated = (list: 'filesystem.allow' | 'execution.allow'): boolean =>
    all.some((one) => one.states.includes(list));
  const inside = splitPath(workspace);
  const speaksOf = allow.some(
    (rule) => statesAfter(compilePath(rule.path, namesDirectory(rule.path)), inside) !== 0,
  );
  const narrows: DefaultGrant[] = [];
  if (stated('filesystem.allow') && (allow.length === 0 || speaksOf)) narrows.push('workspace');
  if (stated('execution.allow')) narrows.push('execution');
  return narrows;
}

function toRunLayer(input: ResolveInput, hasOrg: boolean, clamps: Clamp[]): Layer | undefined {
  const access = input.run?.workspaceAccess;
  if (access === undefined) return undefined;
  const rule = {
    place: '--workspace-access',
    file: 'command line',
    line: 0,
    column: 0,
    path: input.workspace,
  };
  const sections = noSections();
  if (access === 'read')
    sections.filesystem.deny.push({
      ...rule,
      access: 'write',
      reason: 'the workspace is read-only in this run',
    });
  else if (access === 'private') sections.filesystem.deny.push({ ...rule, access: 'private' });
  else if (hasOrg)
    clamps.push({
      rule: { ...rule, layer: 'run' },
      by: 'org',
      message:
        '`--workspace-access write` adds nothing: under an org policy flags can only tighten',
    });
  else {
    sections.filesystem.allow.push({ ...rule, access: 'write' });
    sections.narrows.push('workspace');
  }
  const layer = { name: 'run' as const, file: 'command line', ...sections };
  return { ...layer, digest: input.hash(canonicalJson(layer)) };
}
