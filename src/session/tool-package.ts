// What a local tool server is started with. A package that its command names is installed on the host, without running anything of it,
// and is all that its machine sees of the folder where packages lie.

import type { Installed } from '../install/installed.ts';
import { installNpm } from '../install/npm.ts';
import { type PackageSpec, readPackageSpec } from '../install/package-spec.ts';
import { installPip } from '../install/pip.ts';
import { type Vouched, vouchNpm } from '../install/signatures.ts';
import { type PackageTree, treeOfRecord } from '../install/tree.ts';
import { SandboxError } from '../model/error.ts';
import type { ServerPlace } from '../model/mcp.ts';
import type { EffectivePolicy, FilesystemRule, Layer } from '../model/policy.ts';
import { createDecider } from '../policy/decide.ts';
import { mayWriteBy, pathOutOfReach } from './out-of-reach.ts';
import type { SessionPlan } from './plan.ts';

export interface PreparedServer {
  command: string[];
  environment: [string, string][];
  /** what its machine may do besides: read the package */
  narrow: (policy: EffectivePolicy) => EffectivePolicy;
  /** of a package */
  tree?: PackageTree;
  vouched?: Vouched;
}

type Plan = Pick<SessionPlan, 'policy' | 'hostEnvironment' | 'packagesDirectory' | 'onProgress'>;

export interface PrepareOptions {
  plan: Plan;
  /** what the lock file says of its package, part by part */
  locked?: Readonly<Record<string, string>> | undefined;
  /** asks the registry what it vouches for, whether or not the policy needs it */
  vouch?: boolean;
}

export async function prepareServer(
  server: { id: string; provenance: boolean },
  { command, environment }: Extract<ServerPlace, { kind: 'local' }>,
  { plan, locked, vouch = false }: PrepareOptions,
): Promise<PreparedServer> {
  const own = Object.entries(environment);
  const read = readPackageSpec(command);
  if (read.kind === 'fault') throw refused(server.id, read.reason);
  if (read.kind === 'plain') return { command, environment: own, narrow: (policy) => policy };
  const { spec } = read;
  const run = {
    path: pathOutOfReach(plan.hostEnvironment['PATH'], mayWriteBy(createDecider(plan.policy))),
    environment: plan.hostEnvironment,
  };
  const { packagesDirectory: packages, onProgress } = plan;
  const install = spec.manager === 'npm' ? installNpm : installPip;
  const reviewed = locked && treeOfRecord(spec, locked);
  if (locked !== undefined && reviewed === undefined)
    throw refused(server.id, 'the lock file does not say what its package is made of');
  const installed = await install(spec, { ...run, packages, locked: reviewed, onProgress });
  const { directory, tree } = installed;
  const vouched =
    vouch || server.provenance ? await vouchFor(spec, { ...run, directory }) : undefined;
  if (server.provenance) requireProvenance(server.id, spec, vouched);
  return {
    command: [...installed.command, ...spec.args],
    environment: [...Object.entries(installed.environment), ...own],
    narrow: (policy) => withPackage(policy, packages, installed),
    tree,
    ...(vouched && { vouched }),
  };
}

/** Of Python's index nothing is checked here. */
function vouchFor(spec: PackageSpec, run: Parameters<typeof vouchNpm>[1]): Promise<Vouched> {
  if (spec.manager === 'npm') return vouchNpm(spec, run);
  const reason = 'signatures of Python packages are not checked by this version';
  return Promise.resolve({ signatures: 'unknown', provenance: 'unknown', reason });
}

function requireProvenance(id: string, spec: PackageSpec, vouched: Vouched | undefined): void {
  if (vouched?.provenance === 'valid') return;
  const why =
    vouched?.provenance === 'missing'
      ? 'its registry has none that verifies'
      : (vouched?.reason ?? 'it could not be checked');
  throw refused(id, `its policy requires provenance for ${spec.name}@${spec.version}, and ${why}`);
}

/** The builtin layer lets the machine read this package, and nothing else where packages lie. */
function withPackage(
  policy: EffectivePolicy,
  packages: string,
  { directory }: Installed,
): EffectivePolicy {
  const rule = (path: string): FilesystemRule => ({
    id: 'package',
    place: 'package',
    file: 'builtin',
    line: 0,
    column: 0,
    path,
  });
  const opened = (layer: Layer): Layer => {
    const { allow, deny } = layer.filesystem;
    return {
      ...layer,
      filesystem: {
        allow: [...allow, { ...rule(directory), access: 'read' }],
        deny: [
          ...deny.filter(({ path }) => path !== packages),
          { ...rule(packages), access: 'write' },
        ],
      },
    };
  };
  return {
    ...policy,
    layers: policy.layers.map((layer) => (layer.name === 'builtin' ? opened(layer) : layer)),
  };
}

function refused(id: string, why: string): SandboxError {
  return new SandboxError({
    kind: 'policy',
    code: 'MCP_SERVER_REFUSED',
    message: `the tool server "${id}" is not started: ${why}`,
  });
}
