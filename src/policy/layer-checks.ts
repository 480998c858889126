// What can be wrong only once layers meet: a locked key that is mentioned, a key without effect, a path behind a link.
import { absolutePattern } from '../match/path.ts';
import type { Diagnostic, Span } from '../model/diagnostic.ts';
import type { Limits, Mode } from '../model/policy.ts';
import type { DocumentSections, LayerSource, PolicyDocument } from './document.ts';
import { type Host, realPattern } from './place.ts';

export function findLocked(
  sources: readonly LayerSource[],
  run: { mode?: Mode; limits?: Partial<Limits> } | undefined,
): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const locks: { key: string; source: LayerSource; file: string }[] = [];
  const refuse = (
    key: string,
    lock: { key: string; file: string },
    file: string,
    span: Span,
  ): void =>
    void diagnostics.push({
      code: 'locked',
      severity: 'error',
      file,
      span,
      message: `\`${key}\` may not stand here: \`lock\` in ${lock.file} keeps \`${lock.key}\` for that layer`,
      help: 'remove it, or ask whoever owns that file',
    });
  for (const source of sources) {
    for (const lock of locks) {
      // The lock binds lower layers: not the layer it stands in, nor its peers.
      if (lock.source.name === source.name) continue;
      for (const document of source.documents)
        for (const [key, span] of Object.entries(document.mentions))
          if (key === lock.key) refuse(key, lock, document.file, span);
    }
    for (const document of source.documents)
      for (const key of document.lock) locks.push({ key, source, file: document.file });
  }
  const none = { line: 0, column: 0, offset: 0, length: 1 };
  const asked = [
    ...(run?.mode === undefined ? [] : ['mode']),
    ...Object.keys(run?.limits ?? {}).map((key) => `limits.${key}`),
  ];
  for (const lock of locks)
    for (const key of asked)
      if (key === lock.key || key.startsWith(`${lock.key}.`))
        refuse(key, lock, 'command line', none);
  return diagnostics;
}

/** A destination's name says nothing by itself: whoever reads the files puts hosts in its place. */
export function findUnexpanded(sources: readonly LayerSource[]): Diagnostic[] {
  return sources.flatMap(({ documents }) =>
    documents.flatMap((document) =>
      sectionsIn(document).flatMap(({ network }) =>
        [...network.allow, ...network.deny].flatMap(({ named = [], file }) =>
          named.map(({ name, span }) => ({
            code: 'destination',
            severity: 'error' as const,
            file,
            span,
            message: `"${name}" is the name of a destination, and nothing says here where it leads`,
          })),
        ),
      ),
    ),
  );
}

/** Those of the document itself, of its ceiling, and of the sandboxes of its servers. */
function sectionsIn(document: PolicyDocument): DocumentSections[] {
  const own = [document, ...(document.max === undefined ? [] : [document.max])];
  return [...own, ...own.flatMap(({ mcp }) => mcp.servers.flatMap(({ sandbox }) => sandbox ?? []))];
}

export function findMisplaced(sources: readonly LayerSource[]): Diagnostic[] {
  return sources.flatMap(({ name, documents: [own] }) => {
    if (own.origin === undefined || name === 'org' || name === 'team') return [];
    return [
      {
        code: 'no-effect',
        severity: 'warning' as const,
        file: own.file,
        span: own.origin.span,
        message: '`origin` speaks of org and team files; it is not looked at here',
      },
    ];
  });
}

/** Allows whose path leads through a link: files are judged by where they are, so such a rule allows less than it seems to. */
export function findUnreachedLinks(sources: readonly LayerSource[], host: Host): Diagnostic[] {
  if (host.realPath === undefined) return [];
  const diagnostics: Diagnostic[] = [];
  for (const source of sources)
    for (const document of source.documents)
      for (const rule of document.filesystem.allow) {
        const path = absolutePattern(rule.path, host.workspace, host.home);
        const real = realPattern(path, Infinity, host.realPath);
        if (real === path || real === realPattern(path, 1, host.realPath)) continue;
        diagnostics.push({
          code: 'link',
          severity: 'warning',
          file: rule.file,
          span: { line: rule.line, column: rule.column, offset: 0, length: 1 },
          message: `"${rule.path}" leads through a link to "${real}", and files are judged by where they are`,
          help: 'name the place itself',
        });
      }
  return diagnostics;
}
