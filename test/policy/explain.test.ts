import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createDecider } from '../../src/policy/decide.ts';
import { explain } from '../../src/policy/explain.ts';
import { parseRequest } from '../../src/policy/request-syntax.ts';
import {
  httpRequests,
  layerStacks,
  mcpRequests,
  mcpStacks,
  networkStacks,
  requests,
  resolveStack,
} from './random-policy.ts';
import type { Document, ReferenceLayer, Rule } from './reference.ts';
import { policyOf, type Texts } from './support.ts';

const explanation = (texts: Texts, text: string): ReturnType<typeof explain> => {
  const policy = policyOf(texts);
  const { request, error } = parseRequest(text, policy);
  if (request === undefined) throw new Error(error);
  return explain(policy, request);
};

describe('an explanation', () => {
  test('says what every layer says, and which ceiling fails', () => {
    const { considered, decision } = explanation(
      [
        ['org', 'max: {network: {allow: [{host: a.dev}]}}'],
        ['team', 'network: {deny: [{host: x.dev}]}'],
        ['repo', 'network: {allow: [{host: b.dev}]}'],
      ],
      'connect b.dev:443',
    );
    expect(decision.effect).toBe('deny');
    expect(
      considered.map(({ layer, allows, denies, ceiling }) => [
        layer,
        allows.length,
        denies.length,
        ceiling,
      ]),
    ).toEqual([
      ['builtin', 0, 0, 'none'],
      ['org', 0, 0, 'outside'],
      ['team', 0, 0, 'none'],
      ['repo', 1, 0, 'none'],
    ]);
  });

  test('is the decision that is enforced', () => {
    fc.assert(
      fc.property(layerStacks, requests, (layers, request) => {
        const policy = resolveStack(layers);
        expect(explain(policy, request).decision).toEqual(createDecider(policy)(request));
      }),
      { numRuns: 200 },
    );
  });
});

describe('the smallest edit', () => {
  test.each<[string, Texts, string, string]>([
    [
      'a host',
      [['repo', '']],
      'connect a.dev:443',
      "add to repo.yml (the repository's policy):\nnetwork:\n  allow:\n    - {host: a.dev}",
    ],
    [
      'a host on another port',
      [],
      'connect a.dev:22',
      "add to .github/agent-sandbox.yml (the repository's policy):\nnetwork:\n  allow:\n    - {host: a.dev, ports: [22]}",
    ],
    [
      'a name',
      [],
      'resolve a.dev',
      "add to .github/agent-sandbox.yml (the repository's policy):\nnetwork:\n  allow:\n    - {host: a.dev}",
    ],
    [
      'a request',
      [['repo', 'network: {allow: [{host: a.dev, methods: [GET]}]}']],
      'POST https://a.dev/x*/y/?q',
      'add to repo.yml (the repository\'s policy):\nnetwork:\n  allow:\n    - {host: a.dev, methods: [POST], paths: ["/x%2A/y"]}',
    ],
    [
      'a request on another port',
      [],
      'GET http://a.dev:8080/',
      'add to .github/agent-sandbox.yml (the repository\'s policy):\nnetwork:\n  allow:\n    - {host: a.dev, ports: [8080], methods: [GET], paths: ["/"]}',
    ],
    [
      'a request whose path is longer than a pattern can be',
      [],
      `GET https://a.dev/${'a'.repeat(2000)}`,
      "add to .github/agent-sandbox.yml (the repository's policy):\nnetwork:\n  allow:\n    - {host: a.dev, methods: [GET]}",
    ],
    [
      'a denied request',
      [['repo', 'network: {allow: [{host: a.dev}], deny: [{host: a.dev, paths: [/x]}]}']],
      'GET https://a.dev/x',
      "remove or narrow repo/network.deny[0] at repo.yml:2 (the repository's policy)",
    ],
    [
      'a connection with denied requests',
      [['repo', 'network: {deny: [{host: a.dev, paths: [/x]}]}']],
      'connect a.dev:443',
      "add to repo.yml (the repository's policy):\nnetwork:\n  allow:\n    - {host: a.dev}",
    ],
    [
      'a private address',
      [],
      'connect 10.0.0.1:443',
      'add to .github/agent-sandbox.yml (the repository\'s policy):\nnetwork:\n  allow:\n    - {cidr: "10.0.0.1/32"}',
    ],
    [
      'a file',
      [],
      'read ~/notes',
      'add to .github/agent-sandbox.yml (the repository\'s policy):\nfilesystem:\n  allow:\n    - {path: "/home/u/notes", access: read}',
    ],
    [
      'a program that cannot be read',
      [],
      'exec ~/run',
      'add to .github/agent-sandbox.yml (the repository\'s policy):\nfilesystem:\n  allow:\n    - {path: "/home/u/run", access: read}',
    ],
    [
      'a deny',
      [['repo', 'filesystem: {deny: [{id: no, path: a}]}']],
      'read a',
      "remove or narrow repo/no at repo.yml:2 (the repository's policy)",
    ],
    [
      'a ceiling',
      [
        ['org', ''],
        ['repo', 'network: {allow: [{host: a.dev}]}'],
      ],
      'connect a.dev:443',
      "add to org.yml (the organisation's policy):\nmax:\n  network:\n    allow:\n      - {host: a.dev}",
    ],
    ['metadata', [], 'connect 169.254.169.254:80', 'no edit can allow this'],
    [
      'loopback',
      [],
      'connect 127.0.0.1:80',
      'no edit can allow this: builtin/loopback protects the host, whatever a policy says',
    ],
    [
      'a secret',
      [],
      'read ~/.ssh/id',
      'no edit can allow this: builtin/secrets protects the host, whatever a policy says',
    ],
    [
      'a path that no pattern names alone',
      [],
      'read ~/a*b',
      'no edit can allow this: no rule can name it',
    ],
    [
      'a credential',
      [],
      'mint gh',
      'define "gh" under `credentials`, with its provider, what to request and where it is bound',
    ],
  ])('for %s', (_, texts, request, edit) => {
    const found = explanation(texts, request).edit;
    if (edit === 'no edit can allow this') expect(found).toMatch(/^no edit can allow this/);
    else expect(found).toBe(edit);
  });

  test('is offered to every layer that has to agree', () => {
    const { edit } = explanation(
      [
        ['org', ''],
        ['team', 'max: {}'],
        ['repo', ''],
      ],
      'connect a.dev:443',
    );
    expect(edit.match(/^add to .*$/gm)).toEqual([
      "add to repo2.yml (the repository's policy):",
      "add to org.yml (the organisation's policy):",
      "add to team1.yml (the team's policy):",
    ]);
  });

  test('is empty for what is allowed', () => expect(explanation([], 'read a').edit).toBe(''));

  test('works when it is carried out', () => {
    let tried = 0;
    const stackAndRequest = fc.oneof(
      fc.tuple(layerStacks, requests),
      fc.tuple(networkStacks, httpRequests),
      fc.tuple(mcpStacks, mcpRequests),
    );
    fc.assert(
      fc.property(stackAndRequest, ([layers, request]) => {
        const { decision, edit } = explain(resolveStack(layers), request);
        if (decision.effect === 'allow' || !edit.startsWith('add to ')) return;
        tried++;
        expect(createDecider(resolveStack(carryOut(layers, edit)))(request).effect, edit).toBe(
          'allow',
        );
      }),
      { numRuns: 400 },
    );
    expect(tried).toBeGreaterThan(25);
  });
});

/** Does to the documents what the text says. */
function carryOut(layers: ReferenceLayer[], edit: string): ReferenceLayer[] {
  const changed = layers.map((layer, i) => ({
    ...layer,
    file: `${layer.name}-${i}.yml`,
    document: structuredClone(layer.document),
  }));
  for (const part of edit.split(/^(?=add to )/m)) {
    const [head = '', ...lines] = part.split('\n');
    const file = /^add to (\S+)/.exec(head)?.[1] ?? '';
    let target = changed.find((layer) => layer.file === file);
    if (target === undefined)
      changed.push((target = { name: 'repo', file, document: { version: 1 } }));
    const added = parse(lines.join('\n')) as Document;
    for (const [from, to] of [
      [added, target.document],
      [added.max ?? {}, (target.document.max ??= {})],
    ] as const)
      for (const key of ['network', 'filesystem', 'execution', 'mcp'] as const) {
        const rules = from[key]?.allow?.map((rule: Rule) => toRule(rule)) ?? [];
        if (rules.length > 0)
          to[key] = { ...to[key], allow: [...(to[key]?.allow ?? []), ...rules] };
      }
    if (
      !('max' in added) &&
      Object.keys(target.document.max ?? {}).length === 0 &&
      layers.every(
        (layer) =>
          layer.document.max === undefined || `${layer.name}-${layers.indexOf(layer)}.yml` !== file,
      )
    )
      delete target.document.max;
  }
  return changed;
}

function toRule(rule: Rule): Rule {
  return {
    ...rule,
    ...(rule.host === undefined ? {} : { host: [rule.host].flat() }),
    ...(rule.server === undefined ? {} : { server: [rule.server].flat() }),
    ...(rule.cidr === undefined ? {} : { cidr: [rule.cidr].flat() }),
  };
}
