// A credential's parts: what the guest holds in place of each, and which secret stands behind it.

import type { Material } from '../../model/credential.ts';
import type { GrantedCredential } from '../../model/policy.ts';
import type { Secret } from '../../model/secret.ts';
import type { Part, Shape } from './placeholder/shape.ts';

/** The shapes that clients of a provider expect, by part. */
export function shapesOf({ provider, request, expose }: GrantedCredential): [Part, Shape][] {
  switch (provider) {
    case 'github-app':
    case 'github-token':
    case 'octo-sts':
      return [['token', 'github']];
    case 'aws':
      return [
        ['accessKeyId', 'aws-access-key-id'],
        ['secretAccessKey', 'aws-secret'],
        ['sessionToken', 'aws-session-token'],
      ];
    case 'gcp':
      return [['token', 'google']];
    case 'azure':
      return [['token', 'jwt']];
    case 'npm':
      return [['token', 'npm']];
    case 'anthropic':
      return [['token', 'anthropic-oauth']];
    case 'openai':
      return [['token', 'openai']];
    default:
      return [['token', shapeOfVariables([...expose.env, request['name']])]];
  }
}

/** Clients look at the beginning of a key; which client it is, the name tells by which the guest has it, then the host's. */
function shapeOfVariables(names: readonly unknown[]): Shape {
  return names.map(shapeOfVariable).find((shape) => shape !== 'plain') ?? 'plain';
}

function shapeOfVariable(name: unknown): Shape {
  switch (name) {
    case 'ANTHROPIC_API_KEY':
      return 'anthropic-key';
    case 'ANTHROPIC_AUTH_TOKEN':
    case 'CLAUDE_CODE_OAUTH_TOKEN':
      return 'anthropic-oauth';
    case 'OPENAI_API_KEY':
      return 'openai';
    case 'GH_TOKEN':
    case 'GITHUB_TOKEN':
      return 'github';
    case 'NPM_TOKEN':
    case 'NODE_AUTH_TOKEN':
      return 'npm';
    default:
      return 'plain';
  }
}

/** The secrets of a material, by part; the access key id of AWS is a name, which the vendor's own log shows. */
export function secretsOf(material: Material): [Part, Secret][] {
  switch (material.kind) {
    case 'token':
      return [['token', material.token]];
    case 'basic':
      return [['token', material.password]];
    case 'aws':
      return [
        ['secretAccessKey', material.secretAccessKey],
        ...(material.sessionToken
          ? [['sessionToken', material.sessionToken] as [Part, Secret]]
          : []),
      ];
  }
}
