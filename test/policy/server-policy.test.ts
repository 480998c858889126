// The policy of a tool server itself: never wider than what the layers above let the one that defines it allow.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { EffectivePolicy } from '../../src/model/policy.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { policyOfServer } from '../../src/policy/server-policy.ts';
import {
  documents,
  httpRequests,
  layerStacks,
  networkStacks,
  requests,
  resolveStack,
  toRequest,
} from './random-policy.ts';
import {
  evaluate,
  type ReferenceLayer,
  type ReferenceRequest,
  type Sections,
} from './reference.ts';
import { answer, policyOf, type Texts } from './support.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

const serverOf = (texts: Texts, id = 's'): ((text: string) => string) => {
  const policy = policyOfServer(policyOf(texts), id);
  return (text) => answer(policy, text).split(' ')[0] ?? '';
};
const local = (sandbox: string): string => `mcp: {servers: [{id: s, command: [x]${sandbox}}]}`;

describe('a local server', () => {
  test('has no network and no files unless its entry says so, and reads the system', () => {
    const decide = serverOf([
      [
        'repo',
        `${local('')}\nnetwork: {allow: [{host: a.dev}]}\nfilesystem: {allow: [{path: ., access: write}, {path: ~/c, access: read}]}`,
      ],
    ]);
    for (const text of [
      'connect a.dev:443',
      'resolve a.dev',
      'read a',
      'write a',
      'read ~/c',
      'read .',
    ])
      expect(decide(text), text).toBe('deny');
    expect(decide('read /usr/lib/x')).toBe('allow');
    expect(decide('exec /usr/bin/git')).toBe('allow');
    expect(decide('exec a')).toBe('deny');
  });

  test('has what its entry allows, and nothing of what the agent is allowed', () => {
    const decide = serverOf([
      [
        'repo',
        `${local(', sandbox: {network: {allow: [{host: b.dev}]}, filesystem: {allow: [{path: src, access: read}], deny: [{path: src/secret}]}, execution: {deny: [{path: curl}]}}')}
network: {allow: [{host: a.dev}]}`,
      ],
    ]);
    expect(decide('connect b.dev:443')).toBe('allow');
    expect(decide('connect a.dev:443')).toBe('deny');
    expect(decide('read src/a')).toBe('allow');
    expect(decide('write src/a')).toBe('deny');
    expect(decide('read src/secret')).toBe('deny');
    expect(decide('read a')).toBe('deny');
    expect(decide('exec /usr/bin/curl')).toBe('deny');
    expect(decide('exec /usr/bin/git')).toBe('allow');
  });

  test('is denied what any layer denies, above and below', () => {
    const decide = serverOf([
      [
        'user',
        `${local(', sandbox: {network: {allow: [{host: "**.dev"}]}, filesystem: {allow: [{path: ., access: write}]}}')}`,
      ],
      [
        'repo',
        'network: {deny: [{host: b.dev}]}\nfilesystem: {deny: [{path: keys}], allow: [{path: p, access: private}]}',
      ],
    ]);
    expect(decide('connect a.dev:443')).toBe('allow');
    expect(decide('connect b.dev:443')).toBe('deny');
    expect(decide('write a')).toBe('allow');
    expect(decide('read keys/x')).toBe('deny');
    expect(decide('write p/x')).toBe('private');
    expect(decide('write .git/config')).toBe('private');
    expect(decide('read ~/.ssh/id')).toBe('deny');
    expect(decide('connect 127.0.0.1:80')).toBe('deny');
  });

  test('has no credentials, no servers and no root', () => {
    const policy = policyOf([
      [
        'repo',
        `${local('')}\nexecution: {user: root}\ncredentials: [{id: c, provider: env, request: {name: T}, bind: [{host: a.dev}]}]`,
      ],
    ]);
    expect(policy.user).toBe('root');
    const own = policyOfServer(policy, 's');
    expect([own.user, own.credentials, own.mcp.servers]).toEqual(['agent', [], []]);
    expect(own.layers.flatMap(({ credentials, mcp }) => [...credentials, ...mcp.servers])).toEqual(
      [],
    );
    const decide = createDecider(own);
    expect(decide({ kind: 'mint', id: 'c' }).effect).toBe('deny');
    expect(decide({ kind: 'tool', server: 's', tool: 't' }).effect).toBe('deny');
  });

  test('that is not granted has none', () => {
    const policy = policyOf([
      ['org', ''],
      ['repo', local('')],
    ]);
    expect(policy.mcp.servers).toEqual([]);
    for (const id of ['s', 'other', '__proto__'])
      expect(() => policyOfServer(policy, id)).toThrow(/expected a tool server/);
  });

  test('of a session around this one is the same there', () => {
    const outer = policyOf([['repo', local(', sandbox: {network: {allow: [{host: a.dev}]}}')]]);
    const inner: EffectivePolicy = { ...policyOf([['repo', '']]), mcp: outer.mcp, within: outer };
    expect(policyOfServer(inner, 's')).toEqual(policyOfServer(outer, 's'));
  });
});

test('what a ceiling above lets be run is all that a server runs', () => {
  const decide = (org: string): string =>
    serverOf([
      ['org', `max: {mcp: {servers: [{id: s}]}}\n${org}`],
      ['repo', local('')],
    ])('exec /usr/bin/node');
  expect(decide('')).toBe('allow');
  expect(decide('execution: {allow: [{path: git}]}')).toBe('deny');
  expect(decide('execution: {allow: [{path: node}]}')).toBe('allow');
});

describe('a remote server', () => {
  const at = (url: string): string => `mcp: {servers: [{id: s, url: "${url}"}]}`;
  test('is reached at its URL by its methods, and nothing else is', () => {
    const decide = serverOf([
      ['repo', `${at('https://mcp.example.com:8443/v1/mcp')}\nnetwork: {allow: [{host: "**"}]}`],
    ]);
    for (const method of ['GET', 'POST', 'DELETE'])
      expect(decide(`${method} https://mcp.example.com:8443/v1/mcp`)).toBe('allow');
    expect(decide('connect mcp.example.com:8443')).toBe('inspected');
    for (const text of [
      'PUT https://mcp.example.com:8443/v1/mcp',
      'POST https://mcp.example.com/v1/mcp',
      'POST https://mcp.example.com:8443/v1/mcp/x',
      'POST https://mcp.example.com:8443/v1',
      'POST https://example.com:8443/v1/mcp',
      'connect a.dev:443',
      'read a',
    ])
      expect(decide(text), text).toBe('deny');
  });

  test('may be at an address, also a private one, and on the loopback of the host', () => {
    expect(serverOf([['repo', at('https://10.1.2.3/mcp')]])('POST https://10.1.2.3/mcp')).toBe(
      'allow',
    );
    expect(serverOf([['repo', at('https://10.1.2.3/mcp')]])('POST https://10.1.2.4/mcp')).toBe(
      'deny',
    );
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      const decide = serverOf([['repo', at(`http://${host}:3000/mcp`)]]);
      expect(decide('POST http://host.sandbox.internal:3000/mcp')).toBe('allow');
      expect(decide('POST http://host.sandbox.internal:3001/mcp')).toBe('deny');
      expect(decide('connect 127.0.0.1:3000')).toBe('deny');
    }
  });

  test('is not reached where a layer denies that', () => {
    const decide = serverOf([
      [
        'org',
        `max: {network: {allow: [{host: "**"}]}, mcp: {servers: [{id: s}]}}\nnetwork: {deny: [{host: mcp.example.com, methods: [DELETE]}]}`,
      ],
      ['repo', at('https://mcp.example.com/mcp')],
    ]);
    expect(decide('POST https://mcp.example.com/mcp')).toBe('allow');
    expect(decide('DELETE https://mcp.example.com/mcp')).toBe('deny');
  });

  test('may have a star in its path, which stands for itself', () => {
    const decide = serverOf([['repo', at('https://a.dev/x*')]]);
    expect(decide('POST https://a.dev/x%2A')).toBe('allow');
    expect(decide('POST https://a.dev/xy')).toBe('deny');
  });
});

describe(`random policies (seed ${seed})`, () => {
  const asked = fc.array(fc.oneof(requests, httpRequests), { minLength: 8, maxLength: 8 });
  const WIDTH = { deny: 0, private: 1, inspected: 1, allow: 2 } as const;

  function widthIn(policy: EffectivePolicy, request: ReferenceRequest): number {
    const { effect, isPrivate, isInspected } = createDecider(policy)(toRequest(request));
    return effect === 'deny' ? 0 : isPrivate || isInspected ? 1 : 2;
  }

  /** The layer at `at` with this sandbox for its server, granted whatever the ceilings say. */
  function serving(layers: ReferenceLayer[], at: number, sandbox: Sections): EffectivePolicy {
    const policy = resolveStack(layers);
    const own = resolveStack([{ name: 'repo', document: { version: 1, ...sandbox } }]).layers.at(
      -1,
    );
    const layer = policy.layers[at + 1];
    if (own === undefined || layer === undefined) throw new Error('no such layer');
    const { network, filesystem, execution, credentials, mcp, narrows } = own;
    const server = {
      id: 's',
      place: 'mcp.servers[0]',
      file: layer.file,
      line: 1,
      column: 1,
      at: { kind: 'local' as const, command: ['x'], environment: {} },
      required: true,
      provenance: false,
      layer: layer.name,
      sandbox: { network, filesystem, execution, credentials, mcp, narrows },
    };
    const defining = { ...layer, mcp: { ...layer.mcp, servers: [server] } };
    return policyOfServer(
      {
        ...policy,
        layers: policy.layers.map((one) => (one === layer ? defining : one)),
        mcp: { ...policy.mcp, servers: [server] },
      },
      's',
    );
  }

  /** The same by hand: everybody else allows nothing but within their ceilings. */
  function byHand(layers: ReferenceLayer[], at: number, sandbox: Sections): ReferenceLayer[] {
    const sections = ['network', 'filesystem', 'execution'] as const;
    const order = ['org', 'team', 'user', 'repo'];
    const isNarrowed = layers.some(
      (layer, i) =>
        i !== at &&
        order.indexOf(layer.name) <= order.indexOf(layers[at]?.name ?? '') &&
        (layer.name === 'org' || layer.document.max !== undefined) &&
        layer.document.execution?.allow !== undefined,
    );
    return layers.map((layer, i): ReferenceLayer => {
      const document: ReferenceLayer['document'] = { version: 1 };
      for (const key of sections) {
        const denies = [
          ...(layer.document[key]?.deny ?? []),
          ...(i === at ? (sandbox[key]?.deny ?? []) : []),
        ];
        const allow = i === at ? sandbox[key]?.allow : undefined;
        const unsaid =
          key === 'filesystem'
            ? []
            : key === 'execution' && isNarrowed
              ? [{ path: '/**' }]
              : undefined;
        const states = i === at ? (allow ?? unsaid) : undefined;
        if (denies.length > 0 || states !== undefined)
          document[key] = { deny: denies, ...(states !== undefined && { allow: states }) };
      }
      const { max } = layer.document;
      if (max === undefined && (layer.name !== 'org' || i === at))
        return { name: layer.name, document };
      document.max = { ...max };
      if (i !== at)
        for (const key of sections) {
          const allow = layer.document[key]?.allow;
          if (allow !== undefined)
            document.max[key] = { ...max?.[key], allow: [...(max?.[key]?.allow ?? []), ...allow] };
        }
      return { name: layer.name, document };
    });
  }

  const seen = (width: number, { kind }: ReferenceRequest): number =>
    kind === 'connect' ? Math.min(width, 1) : width;
  const cases = fc.tuple(fc.oneof(layerStacks, networkStacks), fc.nat(), documents, asked);

  test('leave a server never more than a naive reading does', () => {
    let allowed = 0;
    fc.assert(
      fc.property(cases, ([layers, which, { max: _, ...sandbox }, list]) => {
        if (layers.length === 0) return;
        const at = which % layers.length;
        const policy = serving(layers, at, withoutVersion(sandbox));
        const reference = byHand(layers, at, withoutVersion(sandbox));
        for (const request of list) {
          const width = widthIn(policy, request);
          allowed += Math.min(width, 1);
          expect(width, JSON.stringify(request)).toBeLessThanOrEqual(
            WIDTH[evaluate(reference, request)],
          );
        }
      }),
      { seed, numRuns: 400 },
    );
    expect(allowed).toBeGreaterThan(50);
  });

  test('leave a server never more than its layer could allow', () => {
    fc.assert(
      fc.property(cases, ([layers, which, { max: _, ...sandbox }, list]) => {
        if (layers.length === 0) return;
        const at = which % layers.length;
        const policy = serving(layers, at, withoutVersion(sandbox));
        // The same sandbox as further allows of the layer itself, for the agent.
        const agent = layers.map((layer, i) =>
          i === at
            ? { ...layer, document: joined(layer.document, withoutVersion(sandbox)) }
            : layer,
        );
        // What narrows running what can be read, and bounds nobody, speaks of the agent alone.
        for (const request of list.filter(({ kind }) => kind !== 'exec'))
          // Rules that count what the agent asks for have it seen; what they count is not the server's.
          expect(
            seen(widthIn(policy, request), request),
            JSON.stringify(request),
          ).toBeLessThanOrEqual(seen(widthIn(resolveStack(agent), request), request));
      }),
      { seed, numRuns: 150 },
    );
  });
});

function withoutVersion({ network, filesystem, execution }: Sections): Sections {
  return { network, filesystem, execution };
}

function joined(document: ReferenceLayer['document'], more: Sections): ReferenceLayer['document'] {
  const both = { ...document };
  for (const key of ['network', 'filesystem', 'execution'] as const) {
    const allow = [...(document[key]?.allow ?? []), ...(more[key]?.allow ?? [])];
    const isStated = (document[key]?.allow ?? more[key]?.allow) !== undefined;
    if (isStated) both[key] = { ...document[key], allow };
  }
  return both;
}
