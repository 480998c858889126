// Puts hosts and ports in the place of named destinations. Invariant: what leads nowhere is an error, never an empty rule.

import type { Diagnostic } from '../../model/diagnostic.ts';
import type { NamedDestination, NetworkRule, RuleSet } from '../../model/policy.ts';
import type { DocumentSections, PolicyDocument } from '../../policy/document.ts';
import { type Client } from './client.ts';
import { DESTINATION_NAMES, resolveDestination } from './destinations.ts';
import type { Endpoint } from './endpoint.ts';

export interface Expanded<D> {
  documents: D;
  diagnostics: Diagnostic[];
}

/** The documents without names of destinations; clients are asked only where a rule names theirs. */
export function expandDestinations<D extends readonly PolicyDocument[]>(
  documents: D,
  client: Client,
): Expanded<D> {
  const diagnostics: Diagnostic[] = [];
  const known = new Map<string, ReturnType<typeof resolveDestination>>();
  const resolve = (name: string): ReturnType<typeof resolveDestination> => {
    const found = known.get(name) ?? resolveDestination(name, client);
    known.set(name, found);
    return found;
  };

  function endpointsOf(named: NamedDestination, file: string): Endpoint[] {
    const found = resolve(named.name);
    if (Array.isArray(found)) return found;
    const isKnown = DESTINATION_NAMES.includes(named.name);
    diagnostics.push({
      code: 'destination',
      severity: 'error',
      file,
      span: named.span,
      message: `"${named.name}": ${found.fault}`,
      help: isKnown
        ? 'configure the client on this host, or write its host in full'
        : `destinations are ${DESTINATION_NAMES.join(', ')}; a host of that single name is written \`${named.name}.\``,
    });
    return [];
  }

  function expandRule(rule: NetworkRule, isDeny: boolean): NetworkRule[] {
    const { named, ...own } = rule;
    if (named === undefined) return [rule];
    const rules = named.flatMap((one) =>
      byHost(endpointsOf(one, rule.file)).map(([host, ports]) => ({
        ...own,
        hosts: [host],
        cidrs: [],
        // A deny of a destination closes its hosts altogether, as a deny of a host does.
        ...(isDeny && one.ports === undefined
          ? {}
          : { ports: ports.filter((port) => one.ports?.includes(port) ?? true) }),
      })),
    );
    return own.hosts.length > 0 ? [own, ...rules] : rules;
  }

  const expandSet = ({ allow, deny }: RuleSet<NetworkRule>): RuleSet<NetworkRule> => ({
    allow: allow.flatMap((rule) => expandRule(rule, false)),
    deny: deny.flatMap((rule) => expandRule(rule, true)),
  });
  const expand = <S extends DocumentSections>(sections: S): S => ({
    ...sections,
    network: expandSet(sections.network),
    mcp: {
      ...sections.mcp,
      servers: sections.mcp.servers.map((server) => ({
        ...server,
        ...(server.sandbox && { sandbox: expand(server.sandbox) }),
      })),
    },
  });
  const expanded = documents.map((document) => ({
    ...expand(document),
    ...(document.max === undefined ? {} : { max: expand(document.max) }),
  }));
  return { documents: expanded as unknown as D, diagnostics };
}

function byHost(endpoints: readonly Endpoint[]): [host: string, ports: number[]][] {
  const hosts = new Map<string, number[]>();
  for (const { host, port } of endpoints) hosts.set(host, [...(hosts.get(host) ?? []), port]);
  return [...hosts];
}
