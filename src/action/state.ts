// What `main` leaves for `post`: where things are, and how far it came. The runner keeps it apart from all other steps.

import { setInFile } from '../github/commands.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StepState {
  /** of the step's own, in the runner's temporary directory: sessions, policies */
  directory: string;
  /** outside of it: what the guest sees of its files */
  handover: string;
  /** `main` has reported itself */
  isReported: boolean;
}

const NAMES = { directory: 'directory', handover: 'handover', reported: 'reported' } as const;

export function saveState(environment: Environment, state: Partial<StepState>): void {
  const file = environment['GITHUB_STATE'];
  if (state.directory !== undefined) setInFile(file, NAMES.directory, state.directory);
  if (state.handover !== undefined) setInFile(file, NAMES.handover, state.handover);
  if (state.isReported !== undefined)
    setInFile(file, NAMES.reported, state.isReported ? 'true' : 'false');
}

/** Undefined where `main` did not come far enough to leave anything behind. */
export function readState(environment: Environment): StepState | undefined {
  const directory = environment[`STATE_${NAMES.directory}`];
  const handover = environment[`STATE_${NAMES.handover}`];
  if (directory === undefined || directory === '') return undefined;
  return {
    directory,
    handover: handover ?? '',
    isReported: environment[`STATE_${NAMES.reported}`] === 'true',
  };
}
