// A registry of images with a token endpoint of its own: a password buys a token, and the token buys the one image.
// https://distribution.github.io/distribution/spec/auth/token/, https://github.com/opencontainers/distribution-spec

import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { bearerOf } from '../clouds/cloud.ts';
import type { Site, SiteAnswer } from './site.ts';

export interface Images {
  sites: Site[];
  /** that were handed out */
  tokens: Set<string>;
}

interface ImagesOptions {
  /** name of a registry → URL of the token endpoint that its answers name */
  realms: Readonly<Record<string, string>>;
  /** the one that sells tokens; the others would take any password */
  realm: string;
  user: string;
  password: string;
}

const TYPE = 'application/vnd.oci.image';

export function createImages({ realms, realm, user, password }: ImagesOptions): Images {
  const tokens = new Set<string>();
  const blobs = new Map<string, Buffer>();
  const keep = (mediaType: string, body: Buffer): object => {
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    blobs.set(digest, body);
    return { mediaType, digest, size: body.length };
  };
  // Two empty blocks: a tar with nothing in it.
  const tar = Buffer.alloc(1024);
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: {
      type: 'layers',
      diff_ids: [`sha256:${createHash('sha256').update(tar).digest('hex')}`],
    },
  };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config: keep(`${TYPE}.config.v1+json`, Buffer.from(JSON.stringify(config))),
    layers: [keep(`${TYPE}.layer.v1.tar+gzip`, gzipSync(tar))],
  });

  const answerTokens: Extract<Site, { answer: unknown }>['answer'] = (request) => {
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    if (request.headers['authorization'] !== basic)
      return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED' }] } };
    const token = randomBytes(48).toString('base64url');
    tokens.add(token);
    return {
      status: 200,
      body: {
        token,
        access_token: token,
        expires_in: 300,
        issued_at: new Date().toISOString(),
      },
    };
  };

  function challenge(host: string): SiteAnswer {
    return {
      status: 401,
      headers: {
        'www-authenticate': `Bearer realm="${realms[host]}",service="${host}",scope="repository:acme/app:pull"`,
        'docker-distribution-api-version': 'registry/2.0',
      },
      body: { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
    };
  }

  const answerRegistry: Extract<Site, { answer: unknown }>['answer'] = (request) => {
    const { host, path } = request;
    if (!tokens.has(bearerOf(request) ?? '')) return challenge(host);
    if (path === '/v2/') return { status: 200 };
    if (path === '/v2/acme/app/manifests/1')
      return {
        status: 200,
        headers: { 'content-type': `${TYPE}.manifest.v1+json` },
        body: manifest,
      };
    const blob = blobs.get(/^\/v2\/acme\/app\/blobs\/(\S+)$/.exec(path)?.[1] ?? '');
    return blob === undefined
      ? { status: 404, body: { errors: [{ code: 'NAME_UNKNOWN' }] } }
      : { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: blob };
  };

  return {
    tokens,
    sites: [
      { hosts: Object.keys(realms), answer: answerRegistry },
      {
        hosts: [...new Set(Object.values(realms).map((url) => new URL(url).host))],
        answer: (request) =>
          `https://${request.host}${request.path}` === realm
            ? answerTokens(request)
            : { status: 200, body: { token: 'x'.repeat(40) } },
      },
    ],
  };
}
