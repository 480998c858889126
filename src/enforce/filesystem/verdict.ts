// What the judge said of a node, remembered on the node until a directory above it gets another path. The first read and the
// first write of a node are asked and recorded; later ones of the same node cost nothing.

import type { BigIntStats } from 'node:fs';
import type { Judge, WriteGrant } from './judge.ts';
import { isSame, type Node } from './node.ts';
import type { NodeTable } from './node-table.ts';
import { Format } from './protocol.ts';

const READ = 1;
const PUBLIC = 2;
const WRITE_HOST = 4;
const WRITE_PRIVATE = 8;
const WITHHELD_KNOWN = 16;
const WITHHELD = 32;
const WITHHELD_RECORDED = 64;

const PUBLIC_READ = 0o004;

export interface Verdicts {
  /** Whether the content of a node may be read. Asks and records when it is not known. */
  mayRead(node: Node, stat: () => BigIntStats): boolean;
  /** Where writes to a node go. Asks and records when it is not known. */
  write(node: Node): WriteGrant;
  /** Whether an executable file is to be shown without its execute bits; records it when `isLookup`. */
  isWithheld(path: string, node: Node | undefined, isLookup: boolean): boolean;
}

export function createVerdicts(judge: Judge, table: NodeTable, hostUid: number): Verdicts {
  function refresh(node: Node): void {
    if (node.verdictEpoch === table.epoch || (node.isDetached && node.verdictEpoch >= 0)) return;
    node.verdicts = 0;
    node.verdictEpoch = table.epoch;
  }

  function mayRead(node: Node, stat: () => BigIntStats): boolean {
    refresh(node);
    if ((node.verdicts & READ) === 0) {
      const path = table.textOf(node);
      const isDirectory = node.format === Format.DIRECTORY;
      const directory = isDirectory || !node.parent ? path : table.textOf(node.parent);
      const grant = judge.read(path, directory);
      if (grant === 'no') return false;
      node.verdicts |= READ | (grant === 'public' ? PUBLIC : 0);
    }
    if ((node.verdicts & PUBLIC) === 0) return true;
    const found = stat();
    if (!isSame(node, { dev: found.dev, ino: found.ino, format: node.format })) return false;
    if (!isReadableByAll(found, hostUid)) return false;
    node.verdicts &= ~PUBLIC;
    return true;
  }

  function write(node: Node): WriteGrant {
    refresh(node);
    if ((node.verdicts & WRITE_HOST) !== 0) return 'host';
    if ((node.verdicts & WRITE_PRIVATE) !== 0) return 'private';
    const grant = judge.write(table.textOf(node), node.format === Format.DIRECTORY);
    if (grant === 'host') node.verdicts |= WRITE_HOST;
    if (grant === 'private') node.verdicts |= WRITE_PRIVATE;
    return grant;
  }

  function isWithheld(path: string, node: Node | undefined, isLookup: boolean): boolean {
    if (!node) return !judge.mayExecute(path);
    refresh(node);
    if ((node.verdicts & WITHHELD_KNOWN) === 0)
      node.verdicts |= WITHHELD_KNOWN | (judge.mayExecute(path) ? 0 : WITHHELD);
    if ((node.verdicts & WITHHELD) === 0) return false;
    if (isLookup && (node.verdicts & WITHHELD_RECORDED) === 0) {
      node.verdicts |= WITHHELD_RECORDED;
      judge.recordWithheld(path);
    }
    return true;
  }

  return { mayRead, write, isWithheld };
}

/** What only builtin rules allow must be open to everyone on the host, or be the host user's own: the host process may be root. */
function isReadableByAll(stat: BigIntStats, hostUid: number): boolean {
  const mode = Number(stat.mode);
  if ((mode & PUBLIC_READ) !== 0) return true;
  return hostUid !== 0 && Number(stat.uid) === hostUid && (mode & 0o400) !== 0;
}
