// What the request of a credential means beyond its shape: faults, and whether one lies within another.
// Invariant: containment is decided conservatively; what is not surely within is not.
import type { Json, JsonObject, ProviderName } from '../model/credential.ts';
import { canonicalJson } from './canonical.ts';

export interface ScopeFault {
  message: string;
  help?: string;
}

/** What is wrong with a request whose shape is right. */
export function faultOfScope(provider: ProviderName, request: JsonObject): ScopeFault | undefined {
  const { permissions, key, buckets, scopes } = request;
  if (isMap(permissions) && Object.keys(permissions).length === 0)
    return {
      message: '`permissions` is empty, and to GitHub that means all the App has',
      help: 'name each permission, e.g. `contents: read`',
    };
  if (isMap(key) && Object.keys(key).length !== 1)
    return { message: '`key` says exactly one of `env`, `file` and `command`' };
  if (provider === 'gcp' && buckets !== undefined && Array.isArray(scopes)) {
    const other = scopes.find(
      (scope) =>
        typeof scope === 'string' && !/\/(cloud-platform|devstorage\.[a-z_]+)$/.test(scope),
    );
    if (other !== undefined)
      return {
        message: `a boundary of buckets holds for Cloud Storage alone, not for ${JSON.stringify(other)}`,
        help: 'use one service account for each capability',
      };
  }
  return undefined;
}

const LEVELS = ['read', 'write', 'admin'];

/** Keys whose lists name what may be had: fewer is less. */
const SETS = ['repositories', 'actions', 'resources', 'scopes', 'policies'];

/** Keys whose numbers are a bound: less is less. */
const NUMBERS = ['uses'];

/**
 * Keys that say which secret of the host is used, which program of it is run, and to whom a token of the workload is shown.
 * Left free they would hand a lower layer more than any scope could take back.
 */
const NEVER_FREE = [
  ...['env', 'name', 'path', 'command', 'profile'],
  ...['api', 'server', 'endpoint', 'authority', 'sts', 'iam', 'url', 'registry', 'revoke'],
];

/**
 * The request with what the ceiling leaves of it; undefined where nothing is left. A key that the ceiling does not state is
 * free, but for those of `NEVER_FREE`, which may then not be there. `lost` says what was taken away.
 */
export function boundRequest(
  request: JsonObject,
  ceiling: JsonObject,
): { request: JsonObject; lost: string[] } | undefined {
  const bounded: JsonObject = { ...request };
  const lost: string[] = [];
  if (NEVER_FREE.some((key) => request[key] !== undefined && ceiling[key] === undefined))
    return undefined;
  // An App's key signs what goes to the App's own server and to no other; a program that hands it out could do anything.
  if (
    isMap(request['key']) &&
    request['key']['command'] !== undefined &&
    ceiling['key'] === undefined
  )
    return undefined;
  for (const [key, bound] of Object.entries(ceiling)) {
    const asked = request[key];
    const left = boundValue(key, asked, bound);
    if (left === undefined) return undefined;
    bounded[key] = left.value;
    lost.push(...left.lost.map((one) => `${key}: ${one}`));
  }
  return { request: bounded, lost };
}

function boundValue(
  key: string,
  asked: Json | undefined,
  bound: Json,
): { value: Json; lost: string[] } | undefined {
  if (asked === undefined) return undefined;
  if (key === 'permissions') return boundPermissions(asked, bound);
  if (SETS.includes(key) && Array.isArray(asked) && Array.isArray(bound)) {
    const kept = asked.filter((one) => bound.some((outer) => holds(outer, one)));
    if (kept.length === 0) return undefined;
    return {
      value: kept,
      lost: asked.filter((one) => !kept.includes(one)).map((one) => JSON.stringify(one)),
    };
  }
  if (NUMBERS.includes(key) && typeof asked === 'number' && typeof bound === 'number')
    return { value: Math.min(asked, bound), lost: asked > bound ? [String(asked)] : [] };
  return canonicalJson(asked) === canonicalJson(bound) ? { value: asked, lost: [] } : undefined;
}

function boundPermissions(asked: Json, bound: Json): { value: Json; lost: string[] } | undefined {
  if (!isMap(asked) || !isMap(bound)) return undefined;
  const kept: JsonObject = {};
  const lost: string[] = [];
  for (const [name, level] of Object.entries(asked)) {
    const limit = levelOf(bound[name]);
    const wanted = levelOf(level);
    const given = Math.min(limit, wanted);
    if (given >= 0) kept[name] = LEVELS[given] ?? 'read';
    if (given < wanted) lost.push(`${name}: ${LEVELS[wanted] ?? ''}`);
  }
  return Object.keys(kept).length === 0 ? undefined : { value: kept, lost };
}

const levelOf = (level: Json | undefined): number =>
  typeof level === 'string' ? LEVELS.indexOf(level) : -1;

/** A `*` at the end of the outer text holds whatever goes on there: actions and resources of AWS are written so. */
function holds(outer: Json, inner: Json): boolean {
  if (typeof outer !== 'string' || typeof inner !== 'string') return outer === inner;
  if (outer === inner) return true;
  const stem = outer.slice(0, -1);
  return outer.endsWith('*') && !/[*?]/.test(stem) && inner.startsWith(stem);
}

const isMap = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
