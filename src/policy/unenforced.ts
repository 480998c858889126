// What the grammar knows and this version does not enforce. Invariant: it is refused wherever it would have an effect; a
// rule that is read and not enforced would be worse than none.
import type { Reporter } from './reporter.ts';
import { childOf, entryOf, isEmptyNode, type TextNode } from './yaml-text.ts';

interface Unenforced {
  path: string[];
  what: string;
  help: string;
}

const UNENFORCED: Unenforced[] = [
  { path: ['require', 'log'], what: 'the log stays in the session directory', help: 'remove it' },
  {
    path: ['exceptions'],
    what: 'exceptions are not weighed',
    help: 'write the rule where it belongs, or remove it',
  },
];

export function refuseUnenforced(root: TextNode, report: Reporter): void {
  for (const { path, what, help } of UNENFORCED) {
    const parent = path
      .slice(0, -1)
      .reduce<TextNode | undefined>((node, key) => childOf(node, key), root);
    const entry = entryOf(parent, path.at(-1) ?? '');
    if (entry === undefined || isEmptyNode(entry.value)) continue;
    report.error(
      'not-enforced',
      entry.keySpan,
      `\`${path.join('.')}\` is not enforced by this version (${what}), so the policy is refused`,
      help,
    );
  }
}
