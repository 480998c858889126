// The REST API: a request is checked against GitHub's description, then its token, then it is answered, and the answer is checked.

import { ACTION_ROUTES } from './actions.ts';
import { type Answer, type Call, type Token, notFound, refuse } from './call.ts';
import { CHECK_ROUTES } from './checks.ts';
import { complete } from './complete.ts';
import {
  type Operation,
  answerSchema,
  faultsOfAnswer,
  faultsOfRequest,
  findOperation,
} from './description.ts';
import { REPOSITORY_ROUTES } from './repository.ts';
import type { State } from './state.ts';

const ROUTES = { ...CHECK_ROUTES, ...REPOSITORY_ROUTES, ...ACTION_ROUTES };
const LEVELS = ['read', 'write', 'admin'];

export interface RestRequest {
  method: string;
  /** without the query, as sent */
  path: string;
  query: URLSearchParams;
  headers: Call['headers'];
  body: string;
  token: Token | undefined;
  /** there was an Authorization, of a token that is not known */
  isBadToken: boolean;
}

/** `blame`: told of what is not as described. `fault`: what a test wants answered instead, once the request is known to be good. */
export async function answerRest(
  state: State,
  request: RestRequest,
  blame: (what: string) => void,
): Promise<Answer> {
  const { method, path, headers, token } = request;
  if (!headers['user-agent'])
    return refuse(
      403,
      'Request forbidden by administrative rules. Please make sure your request has a User-Agent header',
    );
  const operation = findOperation(method, path);
  if (operation === undefined) {
    blame(`${method} ${path}: no such route is served`);
    return refuse(501, 'not served by this fake');
  }
  const { body, faults } = readRequest(operation, request);
  if (faults.length > 0) {
    blame(`${operation.name}: ${faults.join('; ')}`);
    return { status: 422, body: { message: 'Validation Failed', errors: faults } };
  }
  if (request.isBadToken) return refuse(401, 'Bad credentials');
  const served = ROUTES[operation.name];
  if (served === undefined) {
    blame(`${operation.name}: described, and not served`);
    return refuse(501, 'not served by this fake');
  }
  const refusal = refusalOf(state, operation, served.needs, token);
  if (refusal !== undefined) return refusal;
  state.path = path;
  const { params } = operation;
  const answer = await served.answer({
    ...{ state, operation, params, query: request.query, body, headers, token },
  });
  return finish(operation, answer, blame);
}

function readRequest(
  operation: Operation,
  request: RestRequest,
): { body: unknown; faults: string[] } {
  try {
    const body: unknown = request.body === '' ? undefined : JSON.parse(request.body);
    return { body, faults: faultsOfRequest(operation, request.query, body) };
  } catch {
    return { body: undefined, faults: ['the body is no JSON'] };
  }
}

/** A token reads what it has no right to know of as 404, and may not do what it has no right to do: 403. */
function refusalOf(
  state: State,
  operation: Operation,
  [name, level]: readonly [string, 'read' | 'write'],
  token: Token | undefined,
): Answer | undefined {
  const { owner, repo } = operation.params;
  const full = repo === undefined ? undefined : `${owner}/${repo}`;
  const repository = full === undefined ? undefined : state.repositories.get(full);
  if (full !== undefined && repository === undefined) return notFound();
  const isOpen = level === 'read' && repository?.isPrivate !== true;
  if (token === undefined) return isOpen ? undefined : refuse(401, 'Requires authentication');
  const isElsewhere =
    token.repository !== undefined && full !== undefined && token.repository !== full;
  if (isElsewhere) return isOpen ? undefined : notFound();
  const has = name === 'metadata' ? 'read' : token.permissions[name];
  if (LEVELS.indexOf(has ?? '') >= LEVELS.indexOf(level)) return undefined;
  if (isOpen && OPEN.has(name)) return undefined;
  return refuse(403, 'Resource not accessible by integration');
}

/** Read by anyone in a public repository, whatever the token. */
const OPEN = new Set(['contents', 'issues', 'pull-requests', 'metadata', 'actions', 'checks']);

function finish(operation: Operation, answer: Answer, blame: (what: string) => void): Answer {
  const { status, body } = answer;
  if (body === undefined || Buffer.isBuffer(body) || status >= 400) return answer;
  const place = answerSchema(operation, status);
  if (place === undefined) {
    blame(`${operation.name}: an answer of ${status} is not described`);
    return answer;
  }
  const whole = complete(place.schema, body);
  for (const fault of faultsOfAnswer(operation, status, whole))
    blame(`${operation.name}: the answer's ${fault}`);
  return { ...answer, body: whole };
}
