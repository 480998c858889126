// Values of which a session has one: mode, guest user, limits. Of several layers the stricter wins.
import type { Clamp, Limits, Mode, RuleOrigin } from '../model/policy.ts';
import type { LayerSource, PolicyDocument } from './document.ts';

export const DEFAULT_LIMITS: Limits = { cpus: 2, memory: 2 * 2 ** 30, processes: 2048 };

/** `audit` only where nobody says `enforce`, and under an org layer only where that layer says so itself. */
export function resolveMode(
  sources: readonly LayerSource[],
  run: Mode | undefined,
  hasOrg: boolean,
  clamps: Clamp[],
): Mode {
  const modes = sources.map((source) => ({
    source,
    mode: firstOf(source.documents, (document) => document.mode),
  }));
  const mayAudit =
    !modes.some(({ mode }) => mode === 'enforce') &&
    (!hasOrg || modes.some(({ source, mode }) => source.name === 'org' && mode === 'audit'));
  if (mayAudit && (run === 'audit' || modes.some(({ mode }) => mode === 'audit')))
    return run === 'enforce' ? 'enforce' : 'audit';
  const message =
    '`mode: audit` has no effect: a layer above says `enforce`, or the org layer does not say `audit`';
  modes.forEach(({ source, mode }, i) => {
    // A lower layer that is stricter is no fault of this one.
    const isOverruled =
      hasOrg && source.name !== 'org' && modes[0]?.mode !== 'audit'
        ? true
        : modes.some(
            (other, j) =>
              j !== i && other.mode === 'enforce' && (j < i || other.source.name === source.name),
          );
    if (mode === 'audit' && isOverruled)
      clamps.push({
        rule: { ...placeOf(source.documents, 'mode'), layer: source.name },
        by: 'mode',
        message,
      });
  });
  if (run === 'audit')
    clamps.push({
      rule: { place: '--mode', file: 'command line', line: 0, column: 0, layer: 'run' },
      by: 'mode',
      message,
    });
  return 'enforce';
}

/** `root` only where somebody asks for it, nobody says `agent`, and every ceiling above lets it. */
export function resolveUser(
  sources: readonly LayerSource[],
  hasOrg: boolean,
  clamps: Clamp[],
): 'agent' | 'root' {
  let mayBeRoot = true;
  let isRoot = false;
  for (const source of sources) {
    const own = firstOf(source.documents, (document) => document.user);
    if (own === 'root') {
      if (mayBeRoot) isRoot = true;
      else
        clamps.push({
          rule: { ...placeOf(source.documents, 'execution.user'), layer: source.name },
          by: hasOrg ? 'org/max' : 'max',
          message: '`execution.user: root` exceeds what the layers above allow',
        });
    }
    if (own === 'agent') return 'agent';
    const max = source.documents.filter((document) => document.max !== undefined);
    const delegates = own === 'root' || max.some((document) => document.max?.user === 'root');
    if ((max.length > 0 || source.name === 'org') && !delegates) mayBeRoot = false;
  }
  return isRoot ? 'root' : 'agent';
}

export function smallestLimits(all: readonly Partial<Limits>[]): Limits {
  const smallest: Partial<Limits> = {};
  for (const limits of all)
    for (const key of [
      'cpus',
      'memory',
      'timeout',
      'processes',
      'disk',
      'egress',
      'denials',
    ] as const) {
      const value = limits[key];
      if (value !== undefined) smallest[key] = Math.min(value, smallest[key] ?? Infinity);
    }
  return { ...DEFAULT_LIMITS, ...smallest };
}

function firstOf<T>(
  documents: readonly PolicyDocument[],
  pick: (document: PolicyDocument) => T | undefined,
): T | undefined {
  for (const document of documents) {
    const value = pick(document);
    if (value !== undefined) return value;
  }
  return undefined;
}

function placeOf(documents: readonly PolicyDocument[], key: string): RuleOrigin {
  const document = documents.find((one) => one.mentions[key] !== undefined);
  const span = document?.mentions[key];
  return {
    place: key,
    file: document?.file ?? '',
    line: span?.line ?? 0,
    column: span?.column ?? 0,
  };
}
