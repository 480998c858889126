// A step of a job or of a composite action, with the action behind it: what its stages have in common.

import { type ActionFile, readAction } from './action-file.ts';
import { type Uses, parseUses, placeAction } from './action-store.ts';
import type { Frame } from './execution.ts';
import type { StepFile } from './workflow-file.ts';

export interface Instance {
  file: StepFile;
  /** `id`, or a name of the runner's own such as `__run_2`: GITHUB_ACTION */
  contextName: string;
  uses?: Uses;
  /** of a repository from the start; of the workspace when it is first run, for it is there only then */
  action?: ActionFile;
  /** steps of a composite action */
  children: Instance[];
  /** shared by the stages */
  state: Map<string, string>;
  hasPostRegistered: boolean;
}

/** Throws where an action cannot be found or read. */
export function createInstance(file: StepFile, frame: Frame): Instance {
  const uses = file.uses === undefined ? undefined : parseUses(file.uses);
  const instance: Instance = {
    file,
    contextName: file.id ?? freeName(uses, frame.execution.names),
    ...(uses === undefined ? {} : { uses }),
    children: [],
    state: new Map(),
    hasPostRegistered: false,
  };
  if (uses?.kind === 'repository') loadAction(instance, frame);
  return instance;
}

/** The same each time it is asked. */
export function loadAction(instance: Instance, frame: Frame): ActionFile {
  if (instance.action !== undefined) return instance.action;
  if (instance.uses === undefined) throw new Error('a script is no action');
  const { folders, options } = frame.execution;
  const action = readAction(placeAction(instance.uses, folders, options));
  instance.action = action;
  if (action.runs.kind === 'composite')
    instance.children = action.runs.steps.map((step) => createInstance(step, frame));
  return action;
}

/** Only of what is there before the job begins. */
export function hasPre({ uses, action, children }: Instance): boolean {
  if (uses?.kind !== 'repository' || action === undefined) return false;
  return action.runs.kind === 'node' ? action.runs.pre !== undefined : children.some(hasPre);
}

function freeName(uses: Uses | undefined, taken: Set<string>): string {
  const base =
    uses === undefined
      ? '__run'
      : uses.kind === 'local'
        ? '__self'
        : `__${[uses.repository, uses.path]
            .filter(Boolean)
            .join('/')
            .replace(/[^A-Za-z0-9-]/g, '_')}`;
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}_${n}`;
  taken.add(name);
  return name;
}

/** As the log shows it, before `${{ }}` in a given name. */
export function displayName({ file }: Instance): string {
  if (file.name !== undefined) return file.name;
  if (file.uses !== undefined) return `Run ${file.uses}`;
  const first = (file.run ?? '').trimStart().split(/\r?\n/)[0] ?? '';
  return `Run ${first}`;
}
