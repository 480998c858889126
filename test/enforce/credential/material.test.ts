// Clients look at how a key begins before they send it: the placeholder has the beginning that they expect.

import { expect, it } from 'vitest';

import { shapesOf } from '../../../src/enforce/credential/material.ts';
import { policyOf } from '../../policy/support.ts';

const shapeOf = (text: string): string | undefined => {
  const policy = policyOf([
    [
      'repo',
      `network: {allow: [{host: cred.test}]}\ncredentials: [{id: one, ${text}, bind: [{host: cred.test}]}]\n`,
    ],
  ]);
  return policy.credentials.flatMap(shapesOf).map(([, shape]) => shape)[0];
};

for (const [text, shape] of [
  ['provider: env, request: {name: TEAM_KEY}, expose: {env: [ANTHROPIC_API_KEY]}', 'anthropic-key'],
  ['provider: env, request: {name: OPENAI_API_KEY}, expose: {env: [MODEL_KEY]}', 'openai'],
  ['provider: command, request: {command: [gh, auth, token]}, expose: {env: [GH_TOKEN]}', 'github'],
  ['provider: file, request: {path: /key}, expose: {env: [OTHER, NPM_TOKEN]}', 'npm'],
  ['provider: file, request: {path: /key}, expose: {env: [OTHER]}', 'plain'],
] as const)
  it(`${text}: ${shape}`, () => {
    expect(shapeOf(text)).toBe(shape);
  });
