import { describe, expect, it } from 'vitest';

import {
  answerMetadata,
  metadataVariables,
} from '../../../../src/enforce/credential/metadata/metadata.ts';
import type { Metadata } from '../../../../src/enforce/credential/metadata/metadata.ts';
import type { MetadataAnswer } from '../../../../src/enforce/credential/metadata/message.ts';

const NOW = Date.UTC(2026, 10, 21, 10, 11, 12, 345);
const notAfter = NOW + 900_000;
const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_only';
const EMAIL = 'agent@acme.iam.gserviceaccount.com';
const metadata: Metadata = {
  aws: ['a', 'b'].map((id) => ({
    path: `/v1/credentials/${id}`,
    token: 'metadata-token',
    placeholder: {
      accessKeyId: `ASIA${id}`,
      secretAccessKey: `secret-${id}`,
      sessionToken: 'token',
    },
    notAfter,
  })),
  google: {
    placeholder: 'ya29.placeholder',
    email: EMAIL,
    scopes: [SCOPE],
    project: 'acme',
    notAfter,
  },
  azure: {
    path: '/msi/token',
    secret: 'identity-secret',
    tokens: ['https://vault.azure.net', 'https://management.azure.com/'].map((resource, i) => ({
      resource,
      client: `id-${i}`,
      placeholder: `eyJ.${i}`,
      notAfter,
    })),
  },
};

function ask(
  target: string,
  headers: Record<string, string> = {},
  method = 'GET',
  of = metadata,
): MetadataAnswer {
  const [path = '', query = ''] = target.split('?');
  return answerMetadata({ method, path, query, headers }, of, NOW);
}

const google = { 'metadata-flavor': 'Google' };

describe('credentials of a container', () => {
  const authorization = { authorization: 'metadata-token' };

  it('are the placeholders, and until when they are good', () => {
    expect(JSON.parse(ask('/v1/credentials/b', authorization).body)).toEqual({
      AccessKeyId: 'ASIAb',
      SecretAccessKey: 'secret-b',
      Token: 'token',
      Expiration: '2026-11-21T10:26:12Z',
    });
  });

  it('are for the holder of the token only', () => {
    for (const headers of [{}, { authorization: '' }, { authorization: 'metadata-toke' }]) {
      const answer = ask('/v1/credentials/a', headers);
      expect(answer.status).toBe(401);
      expect(answer.body).not.toContain('ASIA');
    }
    expect(ask('/v1/credentials/c', authorization).status).toBe(404);
    expect(ask('/v1/credentials/a', authorization, 'PUT').status).toBe(405);
  });
});

describe('the metadata server of Google', () => {
  const accounts = '/computeMetadata/v1/instance/service-accounts';

  it('names its flavour, and wants to hear it', () => {
    for (const path of ['/', `${accounts}/default/token`, '/computeMetadata/v1/none']) {
      expect(ask(path, google).headers['metadata-flavor']).toBe('Google');
      expect(ask(path).status).toBe(403);
      expect(ask(path, { 'metadata-flavor': 'google' }).status).toBe(403);
      expect(ask(path, { ...google, 'x-forwarded-for': '10.0.0.1' }).status).toBe(403);
    }
    expect(ask('/', google).status).toBe(200);
  });

  it('hands out the placeholder for `default` and the mail address', () => {
    for (const name of ['default', EMAIL]) {
      expect(JSON.parse(ask(`${accounts}/${name}/token?scopes=x`, google).body)).toEqual({
        access_token: 'ya29.placeholder',
        expires_in: 900,
        token_type: 'Bearer',
      });
      expect(ask(`${accounts}/${name}/email`, google).body).toBe(EMAIL);
      expect(ask(`${accounts}/${name}/scopes`, google).body).toBe(`${SCOPE}\n`);
      expect(ask(`${accounts}/${name}/identity?audience=x`, google)).toMatchObject({ status: 403 });
    }
    expect(JSON.parse(ask(`${accounts}/?recursive=true`, google).body)).toEqual({
      default: { aliases: ['default'], email: EMAIL, scopes: [SCOPE] },
      [EMAIL]: { aliases: ['default'], email: EMAIL, scopes: [SCOPE] },
    });
    expect(ask('/computeMetadata/v1/project/project-id', google).body).toBe('acme');
  });

  it('knows nothing else', () => {
    for (const path of [
      '/computeMetadata/v1beta1/instance/service-accounts/default/token',
      `${accounts}/other/token`,
      `${accounts}/default/token/`,
      '/computeMetadata/v1/instance/attributes/ssh-keys',
      '/latest/meta-data/iam/security-credentials/',
    ])
      expect(ask(path, google).status, path).toBe(404);
    expect(ask(`${accounts}/default/token`, google, 'POST').status).toBe(405);
    expect(ask('/computeMetadata/v1/', google, 'GET', {}).status).toBe(404);
  });
});

describe('the identity endpoint of Azure', () => {
  const secret = { 'x-identity-header': 'identity-secret' };
  const of = (resource: string, more = ''): string =>
    `/msi/token?api-version=2019-08-01&resource=${encodeURIComponent(resource)}${more}`;

  it('hands out the placeholder for its resource', () => {
    expect(JSON.parse(ask(of('https://management.azure.com'), secret).body)).toEqual({
      access_token: 'eyJ.1',
      client_id: 'id-1',
      expires_on: String(Math.floor(notAfter / 1000)),
      resource: 'https://management.azure.com',
      token_type: 'Bearer',
    });
    expect(ask(of('https://vault.azure.net', '&client_id=ID-0'), secret).status).toBe(200);
  });

  it('refuses every other request', () => {
    expect(ask(of('https://vault.azure.net')).status).toBe(401);
    expect(ask(of('https://graph.microsoft.com'), secret).status).toBe(400);
    expect(ask(of('https://vault.azure.net', '&client_id=id-1'), secret).status).toBe(400);
    expect(ask(of('https://vault.azure.net', '&resource=x'), secret).status).toBe(400);
    expect(ask('/msi/token?resource=https://vault.azure.net', secret).status).toBe(400);
    expect(ask(of('https://vault.azure.net'), secret, 'POST').status).toBe(405);
  });
});

it('variables lead to what there is, and to nothing else', () => {
  expect(metadataVariables('169.254.170.2', metadata)).toEqual({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.2/v1/credentials/a',
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'metadata-token',
    AWS_EC2_METADATA_DISABLED: 'true',
    GCE_METADATA_HOST: '169.254.170.2',
    GCE_METADATA_IP: '169.254.170.2',
    METADATA_SERVER_DETECTION: 'assume-present',
    IDENTITY_ENDPOINT: 'http://169.254.170.2/msi/token',
    IDENTITY_HEADER: 'identity-secret',
  });
  expect(metadataVariables('169.254.170.2', {})).toEqual({});
});
