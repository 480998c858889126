// LINK: a second name for a file. Whoever may not write and read the file may not give it a name with other rights; and no
// file is at once on the host and in the private copy.

import { linkSync } from 'node:fs';
import { claimName, replyNew } from './create.ts';
import { Errno } from './errno.ts';
import { findName, statNode } from './found-name.ts';
import { expectArguments, readName, u64 } from './incoming.ts';
import type { Operation } from './lookup.ts';
import { ownContent, setEntry } from './private-copy.ts';
import { Format } from './protocol.ts';

export const makeHardLink: Operation = (state, incoming, out, parent) => {
  expectArguments(incoming, 8);
  const source = state.table.get(u64(incoming, 0));
  const { name } = readName(incoming, incoming.start + 8);
  if (!source) return Errno.ESTALE;
  if (source.format === Format.DIRECTORY) return Errno.EPERM;
  if (source.isDetached) return Errno.ENOENT;
  const claimed = claimName(state, parent, name, false);
  const sourceGrant = state.verdicts.write(source);
  if (sourceGrant === 'no') return Errno.EACCES;
  if (!state.verdicts.mayRead(source, () => statNode(state, source))) return Errno.EACCES;
  if (sourceGrant !== claimed.grant) return Errno.EXDEV;
  if (sourceGrant === 'private' || source.copy) {
    if (findName(state, parent, name)) return Errno.EEXIST;
    const content = ownContent(state, source, false);
    setEntry(state, parent, name, content);
    content.links += 1;
  } else {
    if (findName(state, parent, name)) return Errno.EEXIST;
    state.descriptors.stat(source);
    linkSync(state.descriptors.placeOf(source), state.descriptors.place(parent, name));
  }
  return replyNew(state, incoming, out, claimed);
};
