// The fake's one port: REST at its root, the results service, blob storage and identity tokens by their paths.

import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { answerBlob } from './blobs.ts';
import type { Answer } from './call.ts';
import { type Identity, startIdentity } from './identity.ts';
import { answerRest } from './rest.ts';
import { createResults } from './results.ts';
import { type RuntimeJob, createRuntimeToken } from './runtime.ts';
import { addToken, createState } from './state.ts';
import type { FakeGitHub, FakeGitHubOptions, FaultRule, SeenRequest } from './types.ts';

interface Incoming {
  message: IncomingMessage;
  method: string;
  path: string;
  query: URLSearchParams;
  body: Buffer;
  bearer: string | undefined;
}

export async function startFakeGitHub(options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const state = createState(options);
  const identity = await startIdentity(options);
  const jobs = new Map<string, RuntimeJob>();
  const faults: { rule: FaultRule; seen: number }[] = [];
  const violations: string[] = [];
  const requests: SeenRequest[] = [];
  const results = createResults(state);

  async function answer(incoming: Incoming): Promise<Answer> {
    const { message, method, path, query, body, bearer } = incoming;
    const job = jobs.get(bearer ?? '');
    if (path.startsWith('/twirp/')) {
      if (options.hasArtifacts === false) return { status: 404, body: { msg: 'not here' } };
      return results(path, JSON.parse(body.toString() || '{}'), job);
    }
    if (path.startsWith('/devstore/'))
      return answerBlob(state, { method, path, query, headers: message.headers, body });
    if (path === '/_oidc/token') return identity.answer(method, query, job);
    const token = state.tokens.get(bearer ?? '');
    const isBadToken = message.headers.authorization !== undefined && token === undefined;
    const request = { method, path, query, headers: message.headers, body: body.toString(), token };
    return answerRest(state, { ...request, isBadToken }, (what) => violations.push(what));
  }

  function faultFor(method: string, path: string): FaultRule['answer'] | undefined {
    for (const fault of faults) {
      const { rule } = fault;
      const isPath =
        typeof rule.path === 'string' ? path.includes(rule.path) : rule.path.test(path);
      if (!isPath || (rule.method ?? method) !== method) continue;
      const place = fault.seen++ - (rule.after ?? 0);
      if (place >= 0 && place < (rule.times ?? Infinity)) return rule.answer;
    }
    return undefined;
  }

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const incoming = await read(message);
    const { method, path, body, bearer } = incoming;
    const permissions = state.tokens.get(bearer ?? '')?.permissions;
    const { url = '/', headers } = message;
    const seen = { method, path: url, headers, body: body.toString(), permissions, status: 0 };
    requests.push(seen);
    const fault = faultFor(method, path);
    if (fault === 'hang') return;
    if (fault === 'drop') {
      message.socket.destroy();
      return;
    }
    const given = fault ?? (await answer(incoming));
    seen.status = given.status;
    send(response, given);
  }

  const server = createServer((message, response) => {
    serve(message, response).catch((error: unknown) => {
      violations.push(
        `the fake failed: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
      );
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { checkRuns, artifacts, caches, sarifs, comments, runs } = state;
  return {
    ...{ checkRuns, artifacts, caches, sarifs, comments, runs, requests, violations },
    apiUrl: state.url,
    serverUrl: 'https://github.com',
    resultsUrl: `${state.url}/`,
    idTokenUrl: `${state.url}/_oidc/token?api-version=2.0`,
    ...identityOf(identity),
    token: (permissions, { repository, appId = state.appId } = {}) =>
      addToken(state, {
        permissions: { ...permissions, metadata: 'read' },
        appId,
        ...(repository === undefined ? {} : { repository }),
      }),
    runtimeToken(job) {
      const token = createRuntimeToken(job, state.now());
      jobs.set(token, job);
      return token;
    },
    fault(rule) {
      const fault = { rule, seen: 0 };
      faults.push(fault);
      return () => void faults.splice(faults.indexOf(fault), 1);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await identity.close();
      if (violations.length > 0)
        throw new Error(`not as GitHub describes it:\n${violations.join('\n')}`);
    },
  };
}

function identityOf({
  issuer,
  environment,
}: Identity): Pick<FakeGitHub, 'issuer' | 'identityEnvironment'> {
  return { issuer, identityEnvironment: environment };
}

async function read(message: IncomingMessage): Promise<Incoming> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const [path = '/', ...query] = (message.url ?? '/').split('?');
  const scheme = /^(?:bearer|token) (\S+)$/i.exec(message.headers.authorization ?? '');
  return {
    ...{ message, method: message.method ?? 'GET', path, bearer: scheme?.[1] },
    query: new URLSearchParams(query.join('?')),
    body: Buffer.concat(chunks),
  };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const isBytes = Buffer.isBuffer(body);
  const bytes = isBytes ? body : Buffer.from(body === undefined ? '' : JSON.stringify(body));
  const type =
    body === undefined || isBytes ? {} : { 'content-type': 'application/json; charset=utf-8' };
  const limits = { 'x-ratelimit-limit': '1000', 'x-ratelimit-remaining': '999' };
  response.writeHead(status, { ...type, ...limits, ...headers });
  response.end(bytes);
}
