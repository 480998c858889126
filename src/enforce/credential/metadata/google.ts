// The part of Google's metadata server that clients read to get a token: placeholders. Identity tokens are denied; whoever
// holds one is believed to be the service account, and no bind could hold it back.
// https://cloud.google.com/compute/docs/metadata/overview
// https://cloud.google.com/compute/docs/access/authenticate-workloads
import { json, secondsLeft, text } from './message.ts';
import type { MetadataAnswer, MetadataRequest } from './message.ts';

export interface GoogleMetadata {
  placeholder: string;
  email: string;
  /** OAuth scopes */
  scopes: string[];
  project?: string;
  /** when clients come back for a new one; milliseconds since the epoch */
  notAfter: number;
}

const BASE = '/computeMetadata/v1';
const ACCOUNTS = `${BASE}/instance/service-accounts`;
const FLAVOUR = { 'metadata-flavor': 'Google', server: 'Metadata Server for VM' };

/** Is it a path of this server? `/` is what clients ask to see whether it is there. */
export function isGooglePath(path: string): boolean {
  return path === '/' || path === '/computeMetadata' || path.startsWith('/computeMetadata/');
}

export function answerGoogle(
  request: MetadataRequest,
  source: GoogleMetadata,
  now: number,
): MetadataAnswer {
  const answer = answerPlainly(request, source, now);
  return { ...answer, headers: { ...answer.headers, ...FLAVOUR } };
}

function answerPlainly(
  request: MetadataRequest,
  source: GoogleMetadata,
  now: number,
): MetadataAnswer {
  const { method, path, headers } = request;
  // As the real one does: a browser, and what forwards for others, is none of its clients.
  if (headers['metadata-flavor'] !== 'Google' || headers['x-forwarded-for'] !== undefined)
    return text(403, 'Missing required header "Metadata-Flavor": "Google"');
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'use GET');

  const isRecursive = new URLSearchParams(request.query).get('recursive')?.toLowerCase() === 'true';
  const account = { aliases: ['default'], email: source.email, scopes: source.scopes };
  switch (path) {
    case '/':
      return text(200, 'computeMetadata/\n');
    case '/computeMetadata/':
      return text(200, 'v1/\n');
    case BASE:
    case `${BASE}/`:
      return text(200, 'instance/\nproject/\nuniverse/\n');
    case `${BASE}/instance`:
    case `${BASE}/instance/`:
      return text(200, 'service-accounts/\n');
    case `${BASE}/universe/universe-domain`:
      return text(200, 'googleapis.com');
    case `${BASE}/project/project-id`:
      return source.project === undefined ? text(404, 'not found') : text(200, source.project);
    case ACCOUNTS:
    case `${ACCOUNTS}/`:
      return isRecursive
        ? json(200, { default: account, [source.email]: account })
        : text(200, `default/\n${source.email}/\n`);
  }

  const [, name, property] =
    /^\/computeMetadata\/v1\/instance\/service-accounts\/([^/]+)(?:\/([^/]*))?$/.exec(path) ?? [];
  if (name !== 'default' && name !== source.email) return text(404, 'not found');
  switch (property) {
    case undefined:
    case '':
      return isRecursive ? json(200, account) : text(200, 'aliases\nemail\nscopes\ntoken\n');
    case 'aliases':
      return text(200, 'default\n');
    case 'email':
      return text(200, source.email);
    case 'scopes':
      return text(200, source.scopes.map((scope) => `${scope}\n`).join(''));
    case 'token':
      return json(200, {
        access_token: source.placeholder,
        expires_in: secondsLeft(source.notAfter, now),
        token_type: 'Bearer',
      });
    case 'identity':
      return text(403, 'identity tokens are denied');
    default:
      return text(404, 'not found');
  }
}
