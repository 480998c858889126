// The policy under which a tool server itself lives: a local one in its own microVM, a remote one by the requests that the gateway sends
// to its URL. Invariant: never wider than what the layers above the one that defines it let that one allow.
import { SandboxError } from '../model/error.ts';
import type {
  DefaultGrant,
  EffectivePolicy,
  ExecutionRule,
  Layer,
  Sections,
} from '../model/policy.ts';
import { NO_SERVERS, noSections } from './sections.ts';
import { reachRule } from './server-grants.ts';

/**
 * Denies and ceilings of all layers stay, and so does reading the system; of the allows only those that the server's entry states are
 * left, and the workspace is there only where they name it. It has no credentials and no servers of its own, and the `digest` of the
 * policy it comes from. Throws `POLICY_NO_SERVER` for a server that was not granted.
 */
export function policyOfServer(policy: EffectivePolicy, id: string): EffectivePolicy {
  // A session within another has the servers of that one, each as it is there.
  if (policy.within !== undefined) return policyOfServer(policy.within, id);
  const server = policy.mcp.servers.find((one) => one.id === id);
  if (server === undefined)
    throw new SandboxError({
      kind: 'internal',
      code: 'POLICY_NO_SERVER',
      message: `expected a tool server that the policy grants, got "${id}"`,
    });
  const reach = reachRule(server);
  const own: Sections =
    reach === undefined
      ? (server.sandbox ?? noSections())
      : { ...noSections(), network: { allow: [reach], deny: [] } };
  const defining = policy.layers.findIndex(
    ({ name, mcp }) =>
      name === server.layer && mcp.servers.some((one) => one.id === id && one.file === server.file),
  );
  const narrowed = policy.layers.some(
    (layer, i) =>
      i !== defining &&
      (i < defining || layer.name === server.layer) &&
      hasCeiling(layer) &&
      layer.narrows.includes('execution'),
  );
  return {
    ...policy,
    layers: policy.layers.map((layer, i) => {
      if (layer.name === 'builtin') return { ...layer, credentials: [], mcp: noSections().mcp };
      return i === defining ? definingLayer(layer, own, narrowed) : boundingLayer(layer);
    }),
    user: 'agent',
    clamps: [],
    credentials: [],
    mcp: NO_SERVERS,
  };
}

/** The layer with the server's allows in the place of its own. */
function definingLayer(layer: Layer, own: Sections, isNarrowed: boolean): Layer {
  const states = own.narrows.includes('execution');
  const narrows: DefaultGrant[] = states || isNarrowed ? ['workspace', 'execution'] : ['workspace'];
  const bare = withoutAllows(layer);
  return {
    ...bare,
    network: { allow: own.network.allow, deny: [...layer.network.deny, ...own.network.deny] },
    filesystem: {
      allow: own.filesystem.allow,
      deny: [...bare.filesystem.deny, ...own.filesystem.deny],
    },
    execution: {
      // Running what can be read is bounded by a layer above that bounds it for all: as if all of it were stated here.
      allow: isNarrowed && !states ? [EVERYTHING] : own.execution.allow,
      deny: [...layer.execution.deny, ...own.execution.deny],
    },
    narrows,
  };
}

const EVERYTHING: ExecutionRule = {
  place: 'mcp.servers',
  file: 'builtin',
  line: 0,
  column: 0,
  path: '/**',
};

const hasCeiling = ({ name, max }: Layer): boolean =>
  name !== 'builtin' && (max !== undefined || name === 'org');

/** A layer that allows nothing here; what it allowed itself still lies within its ceiling. */
function boundingLayer(layer: Layer): Layer {
  const bare = withoutAllows(layer);
  if (!hasCeiling(layer)) return bare;
  const max = layer.max ?? noSections();
  return {
    ...bare,
    max: {
      ...noSections(),
      network: {
        allow: [...max.network.allow, ...layer.network.allow],
        deny: max.network.deny,
      },
      filesystem: {
        allow: [...max.filesystem.allow, ...layer.filesystem.allow],
        deny: max.filesystem.deny,
      },
      execution: {
        allow: [...max.execution.allow, ...layer.execution.allow],
        deny: max.execution.deny,
      },
      narrows: [...new Set([...max.narrows, ...layer.narrows])],
    },
  };
}

function withoutAllows(layer: Layer): Layer {
  return {
    ...layer,
    network: { allow: [], deny: layer.network.deny },
    // A grant of `private` also says that the host's file never changes: that stays.
    filesystem: {
      allow: [],
      deny: [...layer.filesystem.deny, ...layer.filesystem.allow.flatMap(capOf)],
    },
    execution: { allow: [], deny: layer.execution.deny },
    credentials: [],
    mcp: noSections().mcp,
    narrows: [],
  };
}

/** What the other side of a grant of `private` denies. */
function capOf(rule: Sections['filesystem']['allow'][number]): Sections['filesystem']['deny'] {
  return rule.access === 'private' ? [{ ...rule, access: 'private' as const }] : [];
}
