// Where a rule's path is on this host: made absolute, and followed through the host's links as far as that is safe.
import { absolutePattern, splitPath } from '../match/path.ts';
import type { ExecutionRule } from '../model/policy.ts';
import { isBareName } from './compile.ts';

export interface Host {
  /** absolute, links resolved */
  workspace: string;
  home: string;
  /** where a path really leads, links resolved; the path itself where it does not exist */
  realPath?: (path: string) => string;
}

/**
 * The rule at its absolute place, and a second time where the host's links lead. A deny follows every link. An allow
 * follows one only in the root directory (`/bin`, `/tmp`): deeper ones may have been made by a guest.
 */
export function placeRule<R extends { path: string }>(rule: R, isDeny: boolean, host: Host): R[] {
  const path = absolutePattern(rule.path, host.workspace, host.home);
  const real = realPattern(path, isDeny ? Infinity : 1, host.realPath);
  return real === path
    ? [{ ...rule, path }]
    : [
        { ...rule, path },
        { ...rule, path: real },
      ];
}

/** As `placeRule`; a bare name stays one. */
export function placeProgram(rule: ExecutionRule, isDeny: boolean, host: Host): ExecutionRule[] {
  const isBare = isBareName(rule.path) && rule.path !== '.' && rule.path !== '~';
  return isBare ? [rule] : placeRule(rule, isDeny, host);
}

/** The pattern with the first `depth` of its literal segments resolved. */
export function realPattern(path: string, depth: number, realPath: Host['realPath']): string {
  if (realPath === undefined) return path;
  const segments = splitPath(path);
  const literal = segments.findIndex((segment) => segment.includes('*'));
  const count = Math.min(depth, literal < 0 ? segments.length : literal);
  if (count === 0) return path;
  const real = realPath(`/${segments.slice(0, count).join('/')}`);
  const rest = segments.slice(count).join('/');
  return rest === '' ? real : `${real === '/' ? '' : real}/${rest}`;
}
