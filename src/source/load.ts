// From files and flags to the effective policy of a run.
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { hasErrors } from '../policy/diagnostic.ts';
import type { LayerSource, PolicyDocument } from '../policy/document.ts';
import { resolvePolicy, type RunRequest } from '../policy/resolve.ts';
import { createBuiltinLayer, DEFAULT_POLICY } from './builtin.ts';
import { hostClient } from './destinations/client.ts';
import { expandDestinations } from './destinations/expand.ts';
import { readDocuments } from './extend.ts';
import { readPolicyFile } from './file.ts';

export interface LoadOptions extends RunRequest {
  /** the directory the agent works in; links in it are resolved */
  workspace: string;
  home: string;
  /** the host's environment; it names toolchains and places of secrets */
  environment: Readonly<Record<string, string | undefined>>;
  /** directory of this package: readable in the guest, and where the templates are */
  packageRoot: string;
  /** what relative paths of policy files are relative to */
  directory: string;
  /** repo layer; without it the workspace's own policy file, if there is one */
  policy?: string;
  orgPolicy?: string;
  teamPolicies?: readonly string[];
  userPolicy?: string;
  /** OWNER/NAME of the repository the run is for, which `self` stands for */
  repository?: string | undefined;
  /**
   * Whether the user has accepted the policy file that the workspace brings along, as it is; asked only of one that asks for
   * credentials or defines tool servers, and where it is absent none is refused
   */
  isAccepted?: (path: string, digest: string) => boolean;
  /** directory that stands for the repository's root: what policy files below it are called, and protected as in the workspace */
  policyRoot?: string;
  /** directory of the files by which a step hands something to later steps; outside of what the program hides */
  handover?: string;
  /** directories of the program that a guest neither reads nor writes */
  hidden?: readonly string[];
  platform?: string;
}

export interface LoadedPolicy {
  /** absent when a diagnostic is an error: then nothing may be started */
  policy?: EffectivePolicy;
  diagnostics: Diagnostic[];
  /** source texts by the file name used in diagnostics, to draw carets with */
  texts: Record<string, string>;
  /** the written documents, for their `tests:` */
  documents: PolicyDocument[];
}

export function loadEffectivePolicy(options: LoadOptions): LoadedPolicy {
  const diagnostics: Diagnostic[] = [];
  const texts: Record<string, string> = {};
  const paths: string[] = [];
  const workspace = toPlace('workspace', options.workspace, diagnostics);
  const home = toPlace('home', options.home, diagnostics);
  const handover =
    options.handover === undefined ? undefined : toPlace('handover', options.handover, diagnostics);
  const templates = join(options.packageRoot, 'policy-templates');
  const root = options.policyRoot === undefined ? workspace : followLinks(options.policyRoot);
  const nameOf = (path: string): string => {
    if (dirname(path) === templates) return `policy-templates/${basename(path)}`;
    return within(root, path) ?? within(workspace, path) ?? path;
  };
  const reading = {
    templates,
    nameOf,
    texts,
    paths,
  };

  const client = hostClient(home, options.environment, workspace);
  const foundPath =
    options.policy === undefined ? findOwnPolicy(workspace, diagnostics) : undefined;
  const own = options.policy ?? foundPath;
  const sources: LayerSource[] = [];
  const read = (name: LayerSource['name'], given: string): void => {
    const path = resolve(options.directory, given);
    const result = readPolicyFile(path);
    if (result.status !== 'read') {
      const message =
        result.status === 'absent'
          ? 'there is no such file'
          : `it cannot be read: ${result.message}`;
      diagnostics.push(
        fault(`policy-${result.status}`, nameOf(path), `the ${name} policy: ${message}`),
      );
      return;
    }
    const { documents, diagnostics: found } = readDocuments(path, result.text, reading);
    diagnostics.push(...found);
    if (documents === undefined) return;
    if (path === foundPath && documents.some(asksForTrust) && options.isAccepted !== undefined) {
      const digest = digestOf(documents, texts);
      if (!options.isAccepted(realpathSync.native(path), digest))
        diagnostics.push(unaccepted(documents.find(asksForTrust) ?? documents[0]));
    }
    const expanded = expandDestinations(documents, client);
    diagnostics.push(...expanded.diagnostics);
    sources.push({
      name,
      documents: expanded.documents,
      digest: digestOf(documents, texts),
    });
  };
  if (options.orgPolicy !== undefined) read('org', options.orgPolicy);
  for (const path of options.teamPolicies ?? []) read('team', path);
  if (options.userPolicy !== undefined) read('user', options.userPolicy);
  if (own !== undefined) read('repo', own);

  const documents = sources.flatMap((source) => source.documents[0]);
  if (hasErrors(diagnostics)) return { diagnostics, texts, documents };
  const builtin = createBuiltinLayer({
    workspace,
    home,
    environment: options.environment,
    packageRoot: realpathSync.native(options.packageRoot),
    policyFiles: paths.flatMap((path) => {
      const inside = within(root, path);
      return inside === undefined ? [path] : [path, join(workspace, inside)];
    }),
    ...(handover === undefined ? {} : { handover }),
    realPath: rememberLinks(),
    ...(options.hidden === undefined ? {} : { hidden: options.hidden }),
  });
  const resolved = resolvePolicy({
    workspace,
    home,
    builtin,
    sources,
    run: toRun(options),
    ignoreCase: options.platform === 'darwin' || options.platform === 'win32',
    realPath: followLinks,
    ...(options.repository === undefined ? {} : { repository: options.repository }),
    hash,
  });
  diagnostics.push(...resolved.diagnostics);
  return {
    ...(resolved.policy === undefined ? {} : { policy: resolved.policy }),
    diagnostics,
    texts,
    documents,
  };
}

/** The path relative to a directory that it lies in. */
function within(directory: string, path: string): string | undefined {
  const inside = relative(directory, path);
  return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? undefined : inside;
}

function digestOf(documents: readonly PolicyDocument[], texts: Record<string, string>): string {
  return hash(documents.map(({ file }) => texts[file] ?? '').join('\u0000'));
}

/** What a workspace may not bring along by itself: the user's secrets, and programs and servers of its choice. */
const asksForTrust = ({ credentials, mcp }: PolicyDocument): boolean =>
  credentials.length > 0 || mcp.servers.length > 0;

function unaccepted(document: PolicyDocument): Diagnostic {
  const { credentials, mcp, mentions } = document;
  const asked = [
    ...(credentials.length > 0 ? ['asks for credentials'] : []),
    ...(mcp.servers.length > 0 ? ['defines tool servers'] : []),
  ];
  return {
    code: 'not-accepted',
    severity: 'error',
    file: document.file,
    span: mentions['credentials'] ??
      mentions['mcp.servers'] ?? { line: 1, column: 1, offset: 0, length: 1 },
    message: `this policy comes with the workspace and ${asked.join(' and ')}, and nobody on this machine has accepted it as it is`,
    help: 'read it, then run `agent-sandbox trust`, or name it with `--policy`',
  };
}

function toRun({ workspaceAccess, mode, limits }: LoadOptions): RunRequest {
  return {
    ...(workspaceAccess === undefined ? {} : { workspaceAccess }),
    ...(mode === undefined ? {} : { mode }),
    ...(limits === undefined ? {} : { limits }),
  };
}

/** The workspace's policy file, if it has one. A link out of the workspace is not its own word, and is refused. */
function findOwnPolicy(workspace: string, diagnostics: Diagnostic[]): string | undefined {
  const path = join(workspace, DEFAULT_POLICY);
  const result = readPolicyFile(path);
  if (result.status === 'absent') return undefined;
  if (result.status === 'read' && relative(workspace, realpathSync.native(path)).startsWith('..')) {
    diagnostics.push(
      fault(
        'policy-unreadable',
        DEFAULT_POLICY,
        'the repo policy is a link that leads out of the workspace',
      ),
    );
    return undefined;
  }
  return path;
}

/** The real path of the workspace or home: rules are judged by it, so it may not read as a pattern itself. */
function toPlace(what: string, path: string, diagnostics: Diagnostic[]): string {
  const real = followLinks(path);
  if (!isAbsolute(real) || /[*\u0000-\u001f\u007f]/.test(real))
    diagnostics.push(
      fault(
        'place',
        real,
        `the ${what} must be an absolute path without \`*\` and control characters`,
      ),
    );
  return real;
}

/** Where a path leads, as far as it exists; what does not exist yet stays as it is written. */
export function followLinks(path: string): string {
  const rest: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    try {
      const real = realpathSync.native(at);
      return rest.length === 0 ? real : join(real, ...rest);
    } catch {
      if (at === dirname(at)) return path;
      rest.unshift(at.slice(at.lastIndexOf('/') + 1));
    }
  }
}

/** `followLinks` for many paths of few directories, most of which are not there. */
function rememberLinks(): (path: string) => string {
  const known = new Map<string, string>();
  const follow = (path: string): string => {
    if (path === '/') return path;
    let real = known.get(path);
    if (real === undefined) {
      real = existsSync(path) ? followLinks(path) : join(follow(dirname(path)), basename(path));
      known.set(path, real);
    }
    return real;
  };
  return follow;
}

function fault(code: string, file: string, message: string): Diagnostic {
  return {
    code,
    severity: 'error',
    file,
    span: { line: 0, column: 0, offset: 0, length: 1 },
    message,
  };
}

function hash(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
