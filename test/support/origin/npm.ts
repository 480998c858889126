// A registry that takes packages from whoever holds a publishing token that lives.
// https://github.com/npm/cli/tree/latest/workspaces/libnpmpublish

import { bearerOf, jsonOf } from '../clouds/cloud.ts';
import type { NpmRegistry } from '../clouds/npm.ts';
import { shown } from './site.ts';
import type { Site } from './site.ts';

/** `name`: of the one package, as in a path, its escapes in lower case */
export function npmRegistry(registry: NpmRegistry, name: string): Site {
  const published = new Set<string>();
  return {
    hosts: registry.hosts,
    answer(request) {
      const { method, path } = request;
      if (path.startsWith('/-/')) return registry.answer(request);
      if (path.toLowerCase() !== `/${name}`) return { status: 404, body: { error: 'not found' } };
      if (method === 'GET') return { status: 404, body: { error: 'not published yet' } };
      const token = bearerOf(request);
      if (token === undefined || !registry.live.has(token))
        return { status: 401, body: { error: `not you: ${JSON.stringify(shown(request))}` } };
      const { versions, _attachments: files } = jsonOf(request) ?? {};
      if (method !== 'PUT' || !isFilled(versions) || !isFilled(files))
        return { status: 400, body: { error: 'no package' } };
      const [version = ''] = Object.keys(versions);
      if (published.has(version)) return { status: 409, body: { error: 'published before' } };
      published.add(version);
      return { status: 201, body: { ok: true, shown: shown(request) } };
    },
  };
}

const isFilled = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 1;
