// What is held of one server: what was reviewed of it, and what of that is quarantined.

import type { Definition, DefinitionKind } from '../../../model/mcp.ts';
import type { LockedServer } from '../../../model/mcp-lock.ts';
import type { ServerFacts } from '../pins.ts';
import { KINDS, nameOf } from './names.ts';

export interface Reviewed {
  isLocked: boolean;
  facts?: ServerFacts;
  /** by name, in the order of the review; absent: nobody has seen a list of this kind */
  definitions: Map<DefinitionKind, Map<string, Definition>>;
  /** the server as a whole */
  isQuarantined: boolean;
  /** `KIND NAME` */
  quarantined: Set<string>;
  /** drift that was told: a list that is read again tells nothing new */
  told: Set<string>;
}

export function unreviewed(): Reviewed {
  return {
    isLocked: false,
    definitions: new Map(),
    isQuarantined: false,
    quarantined: new Set(),
    told: new Set(),
  };
}

export function reviewedByLock(locked: LockedServer): Reviewed {
  const { era, revision, serverInfo, capabilities, instructions } = locked;
  const lists = {
    tool: locked.tools,
    prompt: locked.prompts,
    resource: locked.resources,
    template: locked.templates,
  };
  return {
    ...unreviewed(),
    isLocked: true,
    facts: {
      era,
      revision,
      serverInfo,
      capabilities,
      ...(instructions === undefined ? {} : { instructions }),
    },
    definitions: new Map(
      KINDS.map((kind) => [
        kind,
        new Map(lists[kind].map(({ definition }) => [nameOf(kind, definition) ?? '', definition])),
      ]),
    ),
  };
}
