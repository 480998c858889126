// Tells whether a request to AWS mints or persists access. Such requests are refused whatever a policy allows: the answer would
// hand the guest a real credential, or a way back in after the session.
// How an action is named on the wire: https://smithy.io/2.0/aws/protocols/index.html
import { queryPairs } from '../../../provider/sigv4/canonical.ts';
import { MINTING } from './minting-table.ts';

export interface ActionRequest {
  /** of the credential scope */
  service: string;
  method: string;
  /** as sent */
  path: string;
  query: string;
  headers: readonly (readonly [name: string, value: string])[];
  /** of a form; undefined where the caller has not read it */
  body?: string;
}

const JSON_TYPE = /^application\/x-amz-json-1\.[01]$/;

/** What the request would do, for the record; undefined where it neither mints nor persists. */
export function mintingAction(request: ActionRequest): string | undefined {
  const line = MINTING.find(({ service }) => service === request.service);
  if (line === undefined) return undefined;
  const query = queryPairs(request.query);
  if (query === undefined) return unclear(request.service);
  for (const { action, method, path, parameter } of line.routes ?? []) {
    if (!method.split('|').includes(request.method) || !path.test(normal(request.path))) continue;
    if (parameter === undefined || query.some(([name]) => name === parameter))
      return `${request.service}:${action}`;
  }
  if (line.protocol === undefined) return undefined;

  const named = namesOf(request, query, line.protocol);
  const [action] = named ?? [];
  if (named === undefined || action === undefined || named.length > 1)
    return unclear(request.service);
  const isListed = (names: string[]): boolean => names.some((name) => matches(name, action));
  const isMinting =
    line.except === undefined ? isListed(line.actions ?? []) : !isListed(line.except);
  return isMinting ? `${request.service}:${action}` : undefined;
}

/** Does the body of such a request have to be read before it can be judged? */
export function needsBody(service: string): boolean {
  const line = MINTING.find((one) => one.service === service);
  return line?.protocol === 'query' || line?.protocol === 'both';
}

function unclear(service: string): string {
  return `${service}: an action that cannot be told`;
}

function matches(pattern: string, action: string): boolean {
  return pattern.endsWith('*') ? action.startsWith(pattern.slice(0, -1)) : pattern === action;
}

/** Every action that some part of the request names; undefined where a part cannot be read. */
function namesOf(
  request: ActionRequest,
  query: [string, string][],
  protocol: 'query' | 'json' | 'both',
): string[] | undefined {
  const names: string[] = [];
  const collect = (pairs: [string, string][]): void => {
    for (const [name, value] of pairs) if (name.toLowerCase() === 'action') names.push(value);
  };
  collect(query);

  const headers = request.headers.map(([name, value]) => [name.toLowerCase(), value] as const);
  for (const [name, value] of headers)
    if (name === 'x-amz-target') names.push(value.slice(value.lastIndexOf('.') + 1));
  const rpc = /^\/service\/[^/]+\/operation\/([^/]+)$/.exec(normal(request.path));
  if (rpc?.[1] !== undefined) names.push(rpc[1]);

  const isJson =
    protocol === 'json' ||
    (protocol === 'both' && names.length > 0 && headers.some(([, value]) => JSON_TYPE.test(value)));
  if (!isJson) {
    // Whatever its type is said to be, it is read as a form: so may the server.
    const isCoded = headers.some(([name]) => name === 'content-encoding');
    if (request.body === undefined || isCoded) return undefined;
    const form = queryPairs(request.body.replace(/\+/g, '%20'));
    if (form === undefined) return undefined;
    collect(form);
  }
  return names.every((name) => /^[A-Za-z0-9]{1,128}$/.test(name)) ? names : undefined;
}

/** Empty segments left out and escapes undone, as servers read it. */
function normal(path: string): string {
  const folded = path.replace(/\/+/g, '/');
  try {
    return decodeURIComponent(folded);
  } catch {
    return folded;
  }
}
