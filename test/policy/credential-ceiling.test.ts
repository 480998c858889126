// What a lower layer may not get past a ceiling over credentials.
import { describe, expect, it } from 'vitest';

import type { GrantedCredential } from '../../src/model/policy.ts';
import { policyOf } from './support.ts';

function granted(ceiling: string, asked: string, repository?: string): GrantedCredential[] {
  return policyOf(
    [
      ['org', `origin: acme/policy\nmax: {credentials: [${ceiling}]}`],
      ['repo', `credentials: [${asked}]`],
    ],
    repository === undefined ? {} : { repository },
  ).credentials;
}

const ids = (credentials: GrantedCredential[]): string[] => credentials.map(({ id }) => id);

const APP = 'app: A, repositories: [acme/app], permissions: {contents: read}';
const BIND = 'bind: [{host: api.github.com}]';

describe('a ceiling that does not say where secrets come from and go to', () => {
  it.each([
    [
      'another API',
      `{provider: github-app, request: {${APP}, key: {env: K}}}`,
      `{id: a, provider: github-app, request: {${APP}, key: {env: K}, api: "https://evil.example"}, ${BIND}}`,
    ],
    [
      'another key',
      `{provider: github-app, request: {${APP}}}`,
      `{id: a, provider: github-app, request: {${APP}, key: {command: [sh]}}, ${BIND}}`,
    ],
    [
      'another variable',
      '{provider: github-token}',
      `{id: a, provider: github-token, request: {env: OTHER}, ${BIND}}`,
    ],
    [
      'another STS',
      '{provider: aws, request: {role: R, actions: [a], resources: [r]}}',
      '{id: a, provider: aws, request: {role: R, actions: [a], resources: [r], endpoint: "https://evil.example"}, bind: [{host: s3.test, sign: {service: s3, region: r}}]}',
    ],
    [
      'another server',
      '{provider: vault, request: {role: r, policies: [p]}}',
      '{id: a, provider: vault, request: {role: r, policies: [p], url: "https://evil.example", audience: "https://vault.test"}, bind: [{host: vault.test}]}',
    ],
    [
      'any program',
      '{provider: command}',
      `{id: a, provider: command, request: {command: [sh]}, ${BIND}}`,
    ],
  ])('leaves no %s', (_, ceiling, asked) => {
    expect(granted(ceiling, asked)).toEqual([]);
  });

  it('leaves what it says, and what nobody says', () => {
    const ceiling = `{provider: github-app, request: {${APP}, key: {env: K}, api: "https://git.test/api"}}`;
    const own = `{id: a, provider: github-app, request: {${APP}, key: {env: K}, api: "https://git.test/api"}, ${BIND}}`;
    expect(ids(granted(ceiling, own))).toEqual(['a']);
    expect(
      ids(
        granted(
          `{provider: github-app, request: {key: {env: K}}}`,
          `{id: a, provider: github-app, request: {${APP}, key: {env: K}}, ${BIND}}`,
        ),
      ),
    ).toEqual(['a']);
  });
});

describe('a ceiling of paths', () => {
  const env = (id: string, paths: string): string =>
    `{${id}provider: env, request: {name: T}, bind: [{host: a.test, paths: ["${paths}"]}]}`;

  it.each([
    ['/x/*', '/x/{self}', []],
    ['/repos/*/issues/**', '/repos/{self}/issues/**', []],
    ['/repos/*/*/issues/**', '/repos/{self}/issues/**', ['a']],
    ['/repos/{self}/**', '/repos/{self}/issues', ['a']],
    ['/repos/{self}', '/repos/acme/other', []],
  ])('%s takes a repository for two segments in %s', (outer, inner, left) => {
    expect(ids(granted(env('', outer), env('id: a, ', inner), 'acme/app'))).toEqual(left);
  });
});

it('a ceiling that seals the answer leaves no bind that does not', () => {
  const env = (id: string, seal: string): string =>
    `{${id}provider: env, request: {name: T}, bind: [{host: a.test${seal}}]}`;
  expect(granted(env('', ', seal: true'), env('id: a, ', ''))).toEqual([]);
  expect(granted(env('', ''), env('id: a, ', ', seal: true'))).toEqual([]);
  expect(ids(granted(env('', ', seal: true'), env('id: a, ', ', seal: true')))).toEqual(['a']);
});
