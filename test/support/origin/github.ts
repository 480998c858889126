// GitHub: its API for holders of an installation token that lives, and repositories over HTTPS.

import type { Github } from '../clouds/github.ts';
import { shown } from './site.ts';
import type { Site } from './site.ts';

/** Of the token: `gh` and Octokit write `token`, others `Bearer`. */
const AUTHORIZATION = /^(?:token|Bearer) (\S+)$/;

export function githubApi(github: Github): Site {
  return {
    hosts: github.hosts,
    answer(request) {
      const { method, path } = request;
      if (/\/installation(?:\/token)?$|\/access_tokens$/.test(path)) return github.answer(request);
      const [, token = ''] = AUTHORIZATION.exec(request.headers['authorization'] ?? '') ?? [];
      if (!github.live.has(token))
        return { status: 401, body: { message: 'Bad credentials', shown: shown(request) } };
      const headers = { 'x-shown': token };
      if (method === 'GET' && path === '/repos/acme/app')
        return {
          status: 200,
          headers,
          body: { full_name: 'acme/app', private: true, shown: shown(request) },
        };
      if (method === 'POST' && path === '/repos/acme/app/issues/1/comments')
        return { status: 201, headers, body: { id: 7, shown: shown(request) } };
      return { status: 404, body: { message: 'Not Found' } };
    },
  };
}
