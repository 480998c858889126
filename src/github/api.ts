// GitHub's REST API as far as this program needs it. https://docs.github.com/en/rest
// Invariant: absent and unreachable are two different things, and no byte of an answer is in an error.

import { setTimeout as delay } from 'node:timers/promises';

import { SandboxError } from '../model/error.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PATCH';
  url: string;
  headers?: Record<string, string>;
  body?: string;
}

export type HttpSend = (
  request: HttpRequest,
) => Promise<{ status: number; headers: Record<string, string>; body: string }>;

export interface GitHubOptions {
  /** `GITHUB_API_URL` */
  apiUrl: string;
  /** empty: anonymous */
  token: string;
  send: HttpSend;
  /** between two tries, in `ms`; of three at most */
  pause?: (ms: number) => Promise<unknown>;
}

export type ApiAnswer = { status: number; body: unknown };

export interface GitHub {
  /**
   * A file's text at a branch, tag or commit; undefined where that commit has no such file. Throws `GITHUB_UNREACHABLE` where it is
   * not known which of the two: no answer, no such repository or commit, or not for this token.
   */
  file(repository: string, path: string, ref: string): Promise<string | undefined>;
  /** Throws only where no answer came; what the status means is the caller's. */
  call(method: HttpRequest['method'], path: string, body?: unknown): Promise<ApiAnswer>;
}

const TRIES = 3;
const PAUSE = 500;
/** in `ms`: longer than this nobody waits for GitHub's leave */
const MOST_PAUSE = 10_000;
const VERSION = '2022-11-28';
const JSON_TYPE = 'application/vnd.github+json';
const RAW_TYPE = 'application/vnd.github.raw+json';

export function createGitHub(options: GitHubOptions): GitHub {
  const { token, send, pause = delay } = options;
  const base = options.apiUrl.replace(/\/+$/, '');

  async function ask(request: HttpRequest): ReturnType<HttpSend> {
    for (let tried = 1; ; tried += 1) {
      const answer = await send(request).catch((error: unknown) => {
        // What was sent may have been carried out: only a question is asked again.
        if (tried >= TRIES || request.method !== 'GET')
          throw unreachable(request, 'no answer', error);
        return undefined;
      });
      const wait = answer === undefined ? PAUSE * tried : pauseOf(answer, request, tried);
      if (answer !== undefined && (wait === undefined || tried >= TRIES)) return answer;
      await pause(wait ?? PAUSE);
    }
  }

  const request = (
    method: HttpRequest['method'],
    path: string,
    accept: string,
    body?: unknown,
  ): HttpRequest => ({
    method,
    url: `${base}${path}`,
    headers: {
      accept,
      'user-agent': 'agent-sandbox',
      'x-github-api-version': VERSION,
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

  return {
    async file(repository, path, ref) {
      const where = `/repos/${repository}/contents/${path.split('/').map(encodeURIComponent).join('/')}`;
      const asked = request('GET', `${where}?ref=${encodeURIComponent(ref)}`, RAW_TYPE);
      const { status, headers, body } = await ask(asked);
      if (status === 200) {
        // A directory is answered as a listing, whatever was asked for.
        if ((headers['content-type'] ?? '').includes('raw')) return body;
        throw unreachable(asked, 'it is no file');
      }
      if (status !== 404) throw unreachable(asked, `HTTP ${status}`);
      // The same 404 says: no such file, no such repository, and not for you. A commit that can be read tells them apart.
      const commit = request(
        'GET',
        `/repos/${repository}/commits/${encodeURIComponent(ref)}`,
        JSON_TYPE,
      );
      const known = await ask(commit);
      if (known.status === 200) return undefined;
      throw unreachable(asked, `HTTP 404, and its commit HTTP ${known.status}`);
    },
    async call(method, path, body) {
      const { status, body: text } = await ask(request(method, path, JSON_TYPE, body));
      return { status, body: parsed(text) };
    },
  };
}

/** How long to wait before the same is asked again; undefined: it is answered. */
function pauseOf(
  { status, headers }: { status: number; headers: Record<string, string> },
  { method }: HttpRequest,
  tried: number,
): number | undefined {
  const isLimited = status === 429 || (status === 403 && headers['x-ratelimit-remaining'] === '0');
  // GitHub has not carried out what it limits; what failed inside it, nobody knows.
  if (!isLimited && (status < 500 || method !== 'GET')) return undefined;
  const after = Number(headers['retry-after'] ?? NaN);
  const wait = Number.isFinite(after) ? after * 1000 : PAUSE * 2 ** (tried - 1);
  return wait <= MOST_PAUSE ? wait : undefined;
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable({ url }: HttpRequest, why: string, cause?: unknown): SandboxError {
  const { pathname } = new URL(url);
  return new SandboxError({
    kind: 'upstream',
    code: 'GITHUB_UNREACHABLE',
    message: `GitHub does not say what ${pathname} is (${why})`,
    hint: 'the token needs `contents: read` there; a policy that cannot be read is not an absent one',
    ...(cause !== undefined && { cause }),
  });
}
