// What is wrong with credentials only once they stand together: two of a name, two for one place in the guest, a bind
// that leads nowhere.
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Clamp, GrantedCredential, RuleOrigin } from '../model/policy.ts';
import type { Decider } from './decide.ts';

export function findCredentialTwins(credentials: readonly GrantedCredential[]): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const seen = new Map<string, RuleOrigin>();
  const take = (key: string, message: string, credential: GrantedCredential): void => {
    const other = seen.get(key);
    if (other === undefined) seen.set(key, credential);
    else
      diagnostics.push({
        code: 'duplicate-id',
        severity: 'error',
        file: credential.file,
        span: { line: credential.line, column: credential.column, offset: 0, length: 1 },
        message: `${message} the credential at ${other.file}:${other.line}`,
      });
  };
  for (const credential of credentials) {
    const { id, provider, expose } = credential;
    take(`id ${id}`, `the id "${id}" is taken by`, credential);
    for (const name of new Set(expose.env))
      take(`env ${name}`, `the variable ${name} already holds`, credential);
    for (const { host } of expose.git)
      take(`git ${host}`, `git at ${host} already gets`, credential);
    if (expose.metadata)
      take(
        `metadata ${provider}`,
        `the metadata address of ${provider} already hands out`,
        credential,
      );
  }
  return diagnostics;
}

/** Binding never widens egress: a bind that no network rule reaches puts its value in nowhere. */
export function findUnreachedBinds(
  credentials: readonly GrantedCredential[],
  decide: Decider,
): Clamp[] {
  return credentials.flatMap((credential) => {
    const places = [
      ...credential.bind.flatMap(({ hosts, ports }) =>
        hosts.flatMap((host) => ports.map((port) => ({ host, port }))),
      ),
      ...credential.expose.git.map(({ host }) => ({ host, port: 443 })),
    ];
    const unreached = places.filter(
      ({ host, port }) => decide({ kind: 'connect', host, port }).effect === 'deny',
    );
    return [...new Set(unreached.map(({ host, port }) => `${host}:${port}`))].map((place) => ({
      rule: { ...credential, layer: credential.layer },
      by: 'network',
      message: `${credential.layer}/${credential.id} is bound to ${place}, where no network rule lets anything go: a bind opens nothing by itself`,
    }));
  });
}
