// What a step may hand to later steps: outputs by default, variables and PATH where a layer says so, and never what steers later steps.
import { describe, expect, it } from 'vitest';

import { parsePolicy } from '../../src/policy/parse.ts';
import { isNeverHanded, mayHand } from '../../src/policy/workflow.ts';
import { policyOf } from './support.ts';

type Layers = Parameters<typeof policyOf>[0];
const handed = (layers: Layers): unknown => policyOf(layers).workflow;

describe('what a step hands to later ones', () => {
  it('is outputs and nothing else where no layer speaks of it', () => {
    expect(handed([])).toEqual({ outputs: true, env: [], path: false });
  });

  it('is what a repository says where no organisation has a word', () => {
    expect(handed([['repo', 'workflow: {env: [B_*, A], path: true}']])).toEqual({
      outputs: true,
      env: ['A', 'B_*'],
      path: true,
    });
    expect(handed([['repo', 'workflow: {outputs: false}']])).toMatchObject({ outputs: false });
  });

  it.each<[string, string, unknown]>([
    ['', 'workflow: {env: [A], path: true}', { env: [], path: false }],
    [
      'workflow: {env: [A_*]}',
      'workflow: {env: [A_X, A_*, "A_*_B", "*", B]}',
      { env: ['A_*', 'A_*_B', 'A_X'] },
    ],
    ['workflow: {path: true}', 'workflow: {path: true}', { path: true }],
    ['workflow: {path: true}', 'workflow: {path: false}', { path: false }],
    ['workflow: {path: false}', 'workflow: {path: true}', { path: false }],
    ['workflow: {outputs: false}', 'workflow: {outputs: true}', { outputs: false }],
  ])('lies within what the organisation delegates: %s above %s', (org, repo, expected) => {
    expect(
      handed([
        ['org', org],
        ['repo', repo],
      ]),
    ).toMatchObject(expected as object);
  });

  it('says what is clamped, with its place', () => {
    const { clamps } = policyOf([
      ['org', ''],
      ['repo', 'workflow:\n  env: [A]\n  path: true'],
    ]);
    expect(clamps.map(({ rule, by }) => [rule.place, rule.layer, rule.line, by])).toEqual([
      ['workflow.env', 'repo', expect.any(Number), 'org/max'],
      ['workflow.path', 'repo', expect.any(Number), 'org/max'],
    ]);
  });

  it.each([
    'PATH',
    'path',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'PS4',
    'GCONV_PATH',
    'XDG_CONFIG_HOME',
    'GH_HOST',
    'AWS_CONFIG_FILE',
    'CARGO_BUILD_RUSTC_WRAPPER',
    'RUSTC_WRAPPER',
    'GOFLAGS',
    'MAKEFLAGS',
    'TAR_OPTIONS',
    'SSL_CERT_FILE',
    'CORECLR_PROFILER_PATH',
    'GITHUB_TOKEN',
    'https_proxy',
    'BASH_ENV',
  ])('is never %s, whatever a policy says', (name) => {
    expect(isNeverHanded(name)).toBe(true);
    expect(mayHand({ outputs: true, env: ['*', name], path: true }, name)).toBe(false);
    const { document, diagnostics } = parsePolicy(`version: 1\nworkflow: {env: [${name}]}\n`, 'p');
    expect(document).toBeUndefined();
    expect(diagnostics.map(({ code }) => code)).toEqual(['workflow-name']);
  });

  it('is what a pattern fits', () => {
    const policy = { outputs: true, env: ['BUILD_*'], path: false };
    expect(mayHand(policy, 'BUILD_ID')).toBe(true);
    expect(mayHand(policy, 'build_id')).toBe(false);
    expect(mayHand(policy, 'OTHER')).toBe(false);
  });
});
