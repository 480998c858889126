// An authorization server: RFC 8693 and RFC 7523 at /token, RFC 7009 at /revoke.

import { randomBytes } from 'node:crypto';

import { type CloudAnswer, type CloudRequest, type Fake, formOf, refuse } from './cloud.ts';
import type { Oidc } from './oidc.ts';

export interface Oauth extends Fake {
  live: Set<string>;
  /** put over the answer of /token, by a test; undefined takes a field away */
  grant: Record<string, unknown>;
}

const GRANT = 'urn:ietf:params:oauth:grant-type:';
const TYPE = 'urn:ietf:params:oauth:token-type:';
const SCOPES = ['read', 'write'];

export function createOauth(oidc: Oidc, audience: string): Oauth {
  const live = new Set<string>();

  async function exchange(form: Record<string, string>): Promise<CloudAnswer> {
    const isExchange = form['grant_type'] === `${GRANT}token-exchange`;
    if (!isExchange && form['grant_type'] !== `${GRANT}jwt-bearer`)
      return error('unsupported_grant_type');
    if (isExchange && form['subject_token_type'] !== `${TYPE}jwt`) return error('invalid_request');
    if (form['client_id'] !== 'agent') return error('invalid_client');
    try {
      await oidc.verify(isExchange ? form['subject_token'] : form['assertion'], audience);
    } catch {
      return error('invalid_grant');
    }
    const scopes = (form['scope'] ?? '').split(' ');
    if (scopes.some((scope) => !SCOPES.includes(scope))) return error('invalid_scope');
    if (isExchange && form['audience'] !== 'https://files.example') return error('invalid_target');
    const token = `at.${randomBytes(24).toString('base64url')}`;
    live.add(token);
    const answer = {
      access_token: token,
      token_type: 'Bearer',
      expires_in: 900,
      ...(isExchange && { issued_token_type: `${TYPE}access_token` }),
      scope: form['scope'],
      ...oauth.grant,
    };
    return { status: 200, body: answer };
  }

  const oauth: Oauth = {
    hosts: ['login.example'],
    live,
    grant: {},
    async answer(request: CloudRequest) {
      const form = formOf(request);
      if (request.method !== 'POST' || form === undefined) return error('invalid_request');
      if (request.path === '/token') return exchange(form);
      if (request.path !== '/revoke' || form['client_id'] !== 'agent') return refuse(404, 'path');
      live.delete(form['token'] ?? '');
      return { status: 200, body: '' };
    },
  };
  return oauth;
}

function error(code: string): CloudAnswer {
  return { status: 400, body: { error: code } };
}
