// Network rules that speak of single HTTP requests: which requests those are, and which of them lie within others.
import { arePathsApart, containsPath, type PathPattern } from '../match/path.ts';
import { compileUrlPattern, matchesUrlPath, type UrlPath } from '../match/url-path.ts';
import type { NetworkRule } from '../model/policy.ts';

/** The requests a rule speaks of; a part that is absent is any. */
export interface RequestPattern {
  methods: readonly string[] | undefined;
  paths: readonly PathPattern[] | undefined;
  ignoreCase: boolean;
}

/** A rule with `methods` or `paths` speaks of requests; one without, of the connection and every request in it. */
export function isRequestLevel(rule: Pick<NetworkRule, 'methods' | 'paths'>): boolean {
  return rule.methods !== undefined || rule.paths !== undefined;
}

/** Whether an empty list leaves nothing that the rule could speak of. */
export function matchesNoRequest(rule: NetworkRule): boolean {
  return rule.methods?.length === 0 || rule.paths?.length === 0;
}

export function compileRequests(rule: NetworkRule, isDeny: boolean): RequestPattern | undefined {
  if (!isRequestLevel(rule)) return undefined;
  return { methods: rule.methods, paths: pathsOf(rule, isDeny), ignoreCase: isDeny };
}

function pathsOf(rule: NetworkRule, ignoreCase: boolean): PathPattern[] | undefined {
  return rule.paths?.map((path) => compileUrlPattern(path, ignoreCase));
}

export function matchesRequest(
  pattern: RequestPattern | undefined,
  method: string,
  path: UrlPath,
): boolean {
  if (pattern === undefined) return true;
  const { methods, paths, ignoreCase } = pattern;
  return (
    methods?.includes(method) !== false &&
    paths?.some((one) => matchesUrlPath(one, path, ignoreCase)) !== false
  );
}

/** What an allow opens. */
const protocolOf = (rule: NetworkRule): 'tcp' | 'udp' => rule.protocol ?? 'tcp';

/** Whether `outer` surely speaks of all that `inner` does, the hosts aside. */
export function containsRequests(outer: NetworkRule, inner: NetworkRule): boolean {
  if (protocolOf(outer) !== protocolOf(inner)) return false;
  if (!isRequestLevel(outer)) return true;
  // What `inner` leaves open and `outer` names is not within it: a connection never lies within requests.
  const hasMethods =
    outer.methods === undefined ||
    inner.methods?.every((method) => outer.methods?.includes(method)) === true;
  const outerPaths = pathsOf(outer, false);
  const hasPaths =
    outerPaths === undefined ||
    pathsOf(inner, false)?.every((path) => outerPaths.some((one) => containsPath(one, path))) ===
      true;
  return hasMethods && hasPaths;
}

/** Whether some request could be spoken of by the deny `a` and the allow `b`; true where that is not sure. */
export function mayMeet(a: NetworkRule, b: NetworkRule): boolean {
  if (a.protocol !== undefined && a.protocol !== protocolOf(b)) return false;
  if (a.methods !== undefined && b.methods?.some((method) => a.methods?.includes(method)) === false)
    return false;
  const paths = pathsOf(a, true);
  return (
    paths === undefined ||
    pathsOf(b, true)?.some((path) => paths.some((one) => !arePathsApart(one, path))) !== false
  );
}
