// The credentials that may be minted: those of the layers, each cut down to the ceilings above it.
// Invariant: what no ceiling surely holds is left out, and whatever was left out is a clamp.
import { compileUrlPattern } from '../match/url-path.ts';
import { containsPath } from '../match/path.ts';
import type { Bind, Credential } from '../model/credential.ts';
import type { Clamp, GrantedBind, GrantedCredential, Layer, LayerName } from '../model/policy.ts';
import { SELF } from './credential-rule.ts';
import { boundRequest } from './credential-scope.ts';
import { formatDuration } from './quantity.ts';

type Ceiling = Credential & { layer: LayerName };

export interface Grants {
  credentials: GrantedCredential[];
  clamps: Clamp[];
}

export function grantCredentials(layers: readonly Layer[]): Grants {
  const clamps: Clamp[] = [];
  const credentials = layers.flatMap((layer, index) => {
    const above = layers.filter(
      (other, i) =>
        other !== layer &&
        (i < index || other.name === layer.name) &&
        other.name !== 'builtin' &&
        (other.max !== undefined || other.name === 'org'),
    );
    return layer.credentials.flatMap((written) => {
      let left: GrantedCredential | undefined = {
        ...written,
        bind: written.bind ?? [],
        layer: layer.name,
      };
      for (const ceiling of above) {
        const lost: string[] = [];
        const ceilings = [...ceiling.credentials, ...(ceiling.max?.credentials ?? [])];
        left =
          left &&
          bound(
            left,
            ceilings.map((one) => ({ ...one, layer: ceiling.name })),
            lost,
          );
        if (left === undefined || lost.length > 0)
          clamps.push(clampOf(written, layer, ceiling, left === undefined ? [] : lost));
      }
      return left ?? [];
    });
  });
  return { credentials, clamps };
}

function clampOf(rule: Credential, layer: Layer, ceiling: Layer, lost: string[]): Clamp {
  const what = lost.length === 0 ? 'it is not minted' : `without ${lost.join(', ')}`;
  return {
    rule: { ...rule, layer: layer.name },
    by: `${ceiling.name}/max`,
    message: `${layer.name}/${rule.id} exceeds what the ${ceiling.name} layer allows (${ceiling.file}:${ceiling.maxLine ?? 1}): ${what}`,
  };
}

/** What the best of the ceilings leaves; the first that leaves all, else the first that leaves anything. */
function bound(
  credential: GrantedCredential,
  ceilings: readonly Ceiling[],
  lost: string[],
): GrantedCredential | undefined {
  let best: { left: GrantedCredential; lost: string[] } | undefined;
  for (const ceiling of ceilings) {
    const found = boundBy(credential, ceiling);
    if (found !== undefined && (best === undefined || found.lost.length < best.lost.length))
      best = found;
  }
  lost.push(...(best?.lost ?? []));
  return best?.left;
}

function boundBy(
  credential: GrantedCredential,
  ceiling: Ceiling,
): { left: GrantedCredential; lost: string[] } | undefined {
  if (credential.provider !== ceiling.provider) return undefined;
  const scope = boundRequest(credential.request, ceiling.request);
  if (scope === undefined) return undefined;
  const lost = [...scope.lost];
  const ttl = smaller(credential.ttl, ceiling.ttl);
  if (ttl !== credential.ttl && ttl !== undefined)
    lost.push(
      credential.ttl === undefined
        ? `a life of more than ${formatDuration(ttl)}`
        : `ttl: ${formatDuration(credential.ttl)}`,
    );
  const isBound = ceiling.bind !== undefined || ceiling.expose.git.length > 0;
  const bind = isBound
    ? credential.bind.flatMap((one) => bindWithin(one, ceiling) ?? [])
    : credential.bind;
  if (bind.length < credential.bind.length)
    lost.push(`${credential.bind.length - bind.length} of its binds`);
  const git = credential.expose.git.flatMap(({ host, verbs }) => {
    if (!isBound) return [{ host, verbs }];
    const outer = ceiling.expose.git.find((one) => one.host === host);
    const kept = verbs.filter((verb) => outer?.verbs.includes(verb));
    return kept.length === 0 ? [] : [{ host, verbs: kept }];
  });
  if (JSON.stringify(git) !== JSON.stringify(credential.expose.git)) lost.push('some use by git');
  if (bind.length === 0 && git.length === 0) return undefined;
  return {
    left: {
      ...credential,
      request: scope.request,
      ...(ttl === undefined ? {} : { ttl }),
      bind,
      expose: { ...credential.expose, git },
    },
    lost,
  };
}

/** The bind, counted by its ceiling's limit as well: two binds within it may not be used twice as often. */
function bindWithin(bind: GrantedBind, ceiling: Ceiling): GrantedBind | undefined {
  const outers = (ceiling.bind ?? []).filter((outer) => containsBind(outer, bind));
  const outer = outers.find(({ limit }) => limit === undefined) ?? outers[0];
  if (outer?.limit === undefined) return outer && bind;
  const { place, file, line, layer } = ceiling;
  const id = `${layer}/${place}.bind[${ceiling.bind?.indexOf(outer) ?? 0}]`;
  const within = { rule: { id, file, line, layer }, limit: outer.limit };
  return { ...bind, within: [...(bind.within ?? []), within] };
}

function containsBind(outer: Bind, inner: Bind): boolean {
  const within = <T>(bounds: readonly T[] | undefined, asked: readonly T[] | undefined): boolean =>
    bounds === undefined || asked?.every((one) => bounds.includes(one)) === true;
  return (
    within(outer.hosts, inner.hosts) &&
    within(outer.ports, inner.ports) &&
    within(outer.methods, inner.methods) &&
    hasPaths(outer, inner) &&
    (outer.limit === undefined ||
      (inner.limit !== undefined &&
        inner.limit.per === outer.limit.per &&
        inner.limit.count <= outer.limit.count)) &&
    (outer.headers === undefined || within(outer.headers, inner.headers)) &&
    (outer.sign === undefined ||
      (inner.sign?.service === outer.sign.service && inner.sign.region === outer.sign.region)) &&
    // Without it the token in the answer would come to the guest; with it, it goes where the answer's would not.
    (inner.seal === true) === (outer.seal === true)
  );
}

function hasPaths(outer: Bind, inner: Bind): boolean {
  if (outer.paths === undefined) return true;
  return (
    inner.paths?.every((path) =>
      outer.paths?.some(
        (bounds) =>
          bounds === path ||
          containsPath(
            compileUrlPattern(withoutSelf(bounds), false),
            compileUrlPattern(withoutSelf(path), false),
          ),
      ),
    ) === true
  );
}

/** A repository that is not known yet is two segments, of which no pattern knows a character. */
const withoutSelf = (path: string): string => path.replaceAll(SELF, '\u0001/\u0001');

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
