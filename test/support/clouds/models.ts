// The federation of the model vendors: a workload's token for one of a service account.

import { randomBytes } from 'node:crypto';

import { type Fake, jsonOf, refuse } from './cloud.ts';
import type { Oidc } from './oidc.ts';

export function createAnthropic(oidc: Oidc, audience: string): Fake {
  return {
    hosts: ['api.anthropic.com'],
    async answer(request) {
      if (request.method !== 'POST' || request.path !== '/v1/oauth/token')
        return refuse(404, 'path');
      const betas = (request.headers['anthropic-beta'] ?? '').split(',');
      if (!betas.includes('oidc-federation-2026-04-01')) return refuse(400, 'anthropic-beta');
      const { assertion, ...asked } = jsonOf(request) ?? {};
      const expected = {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        federation_rule_id: 'fdrl_1',
        organization_id: 'org-1',
        service_account_id: 'svac_1',
        workspace_id: 'wrkspc_1',
      };
      if (!isSame(asked, expected)) return refuse(400, `not expected: ${JSON.stringify(asked)}`);
      try {
        await oidc.verify(assertion as string, audience);
      } catch {
        return refuse(401, 'assertion');
      }
      const token = `sk-ant-oat01-${randomBytes(40).toString('base64url')}`;
      return { status: 200, body: { access_token: token, token_type: 'Bearer', expires_in: 600 } };
    },
  };
}

export function createOpenai(oidc: Oidc, audience: string): Fake {
  return {
    hosts: ['auth.openai.com'],
    async answer(request) {
      if (request.method !== 'POST' || request.path !== '/oauth/token') return refuse(404, 'path');
      const { subject_token: subject, ...asked } = jsonOf(request) ?? {};
      const expected = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        identity_provider_id: 'idp_1',
        service_account_id: 'sa_1',
      };
      if (!isSame(asked, expected)) return refuse(400, `not expected: ${JSON.stringify(asked)}`);
      try {
        await oidc.verify(subject as string, audience);
      } catch {
        return refuse(401, 'subject_token');
      }
      const token = `oai.${randomBytes(60).toString('base64url')}`;
      const issued = 'urn:ietf:params:oauth:token-type:access_token';
      return {
        status: 200,
        body: {
          access_token: token,
          issued_token_type: issued,
          token_type: 'Bearer',
          expires_in: 3600,
        },
      };
    },
  };
}

function isSame(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => left[name] === right[name]);
}
