// The policy under which a tool server itself lives: a local one in its own microVM, a remote one by the requests that the gateway sends
// to its URL. Invariant: never wider than what the layers above the one that defines it let that one allow.
import { SandboxError } from '../model/error.ts';
import type { DefaultGrant, EffectivePolicy, Layer, Sections } from '../model/policy.ts';
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
  return {
    ...policy,
    layers: policy.layers.map((layer) => {
      if (layer.name === 'builtin') return { ...layer, credentials: [], mcp: noSections().mcp };
      const isOwn =
        layer.name === server.layer &&
        layer.mcp.servers.some((one) => one.id === id && one.file === server.file);
      return isOwn ? definingLayer(layer, own) : boundingLayer(layer);
    }),
    user: 'agent',
    clamps: [],
    credentials: [],
    mcp: NO_SERVERS,
  };
}

/** The layer with the server's allows in the place of its own. */
function definingLayer(layer: Layer, own: Sections): Layer {
  const narrows = new Set<DefaultGrant>(['workspace', ...own.narrows]);
  return {
    ...withoutAllows(layer),
    network: { allow: own.network.allow, deny: [...layer.network.deny, ...own.network.deny] },
    filesystem: {
      allow: own.filesystem.allow,
      deny: [...layer.filesystem.deny, ...own.filesystem.deny],
    },
    execution: {
      allow: own.execution.allow,
      deny: [...layer.execution.deny, ...own.execution.deny],
    },
    narrows: [...narrows],
  };
}

/** A layer that allows nothing here; what it allowed itself still lies within its ceiling. */
function boundingLayer(layer: Layer): Layer {
  const bare = withoutAllows(layer);
  if (layer.max === undefined && layer.name !== 'org') return bare;
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
