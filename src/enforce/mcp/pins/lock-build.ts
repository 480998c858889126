// Makes the entry of a lock from a server that runs, with everything a reviewer has to know of it.

import type { Definition, DefinitionKind, ServerPlace } from '../../../model/mcp.ts';
import type { LockedDefinition, LockedServer } from '../../../model/mcp-lock.ts';
import type { Finding } from '../content.ts';
import { isQuarantining } from '../content/definition.ts';
import type { ServerFacts } from '../pins.ts';
import { admit } from './admissible.ts';
import type { Admission } from './admissible.ts';
import { digestOf } from './digest.ts';
import { plainFacts, suspiciousFacts } from './facts.ts';
import { placeOf } from './lock-place.ts';
import { shownName } from './names.ts';

/** For the reviewer: `name` '' for the server itself, or where a definition has no proper name. */
export interface PinFinding extends Finding {
  server: string;
  kind: DefinitionKind | 'server';
  name: string;
  /**
   * `excluded`: cannot be served, and is left out. `accept`: left out, unless the reviewer takes it. `note`: taken, and worth a look
   */
  effect: 'excluded' | 'accept' | 'note';
}

export interface LockInput {
  id: string;
  at: ServerPlace;
  facts: ServerFacts;
  definitions: Readonly<Record<DefinitionKind, readonly Definition[]>>;
  packages?: Record<string, string>;
  /** whether the reviewer takes what has findings that would keep it away; nothing is, unless said */
  accepts?: (kind: DefinitionKind | 'server', name: string) => boolean;
}

/** `server` is absent where what it says of itself was not taken. */
export function lockOf(input: LockInput): { server?: LockedServer; findings: PinFinding[] } {
  const { id, accepts = () => false } = input;
  const facts = plainFacts(input.facts);
  const suspicious = suspiciousFacts(id, facts);
  const findings: PinFinding[] = suspicious.map(({ name, difference }) => ({
    server: id,
    kind: 'server',
    name: '',
    detector: difference[0] ?? '',
    place: name,
    effect: accepts('server', '') ? 'note' : 'accept',
  }));
  const list = (kind: DefinitionKind): LockedDefinition[] => {
    const admissions = input.definitions[kind].map((definition) => admit(kind, definition));
    return admissions.flatMap((admission) => {
      const { name, definition } = admission;
      const isTwice = admissions.some((other) => other !== admission && other.name === name);
      const isTaken = judge({ id, kind, admission, isTwice, findings, accepts });
      if (!isTaken) return [];
      const shown = kind === 'tool' ? shownName(id, name) : undefined;
      const isCut = shown !== undefined && shown !== `${id}__${name}`;
      return [{ digest: digestOf(definition), definition, ...(isCut ? { shownAs: shown } : {}) }];
    });
  };
  const lists = {
    tools: list('tool'),
    prompts: list('prompt'),
    resources: list('resource'),
    templates: list('template'),
  };
  if (findings.some(({ kind, effect }) => kind === 'server' && effect === 'accept'))
    return { findings };
  const { packages } = input;
  return {
    server: {
      at: placeOf(input.at),
      ...(packages === undefined ? {} : { packages }),
      ...facts,
      ...lists,
    },
    findings,
  };
}

interface Judged {
  id: string;
  kind: DefinitionKind;
  admission: Admission;
  isTwice: boolean;
  findings: PinFinding[];
  accepts: NonNullable<LockInput['accepts']>;
}

function judge({ id, kind, admission, isTwice, findings, accepts }: Judged): boolean {
  const { name, faults } = admission;
  const add = (finding: Finding, effect: PinFinding['effect']): void => {
    findings.push({ ...finding, server: id, kind, name, effect });
  };
  for (const fault of faults) add(fault, 'excluded');
  if (isTwice) add({ detector: 'name-twice', place: 'name' }, 'excluded');
  const isAccepted = accepts(kind, name);
  for (const finding of admission.findings)
    add(finding, isQuarantining(finding) && !isAccepted ? 'accept' : 'note');
  if (faults.length > 0 || isTwice) return false;
  return isAccepted || !admission.findings.some(isQuarantining);
}
