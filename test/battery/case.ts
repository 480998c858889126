// What a case is, and what can become of it.
import type { Executor, RunOutput } from './executor.ts';
import type { Hit } from './ground.ts';
import type { Rig } from './rig.ts';

/** `G` gates; `D` is reported only. */
export type Tier = 'G' | 'D';
export type Expectation =
  'deny' | 'structural' | 'allow' | 'mask' | 'neutralize' | 'fail-closed' | 'warn';
export type Principal = 'agent' | 'root';

/** Where enforcement is off and the snippet must succeed: an allow-all policy, or no sandbox at all in a throwaway root. */
export type Control = 'guest' | 'namespace' | { none: string };

export type Verdict = 'CONTAINED' | 'ESCAPED' | 'WORKS' | 'BROKEN' | 'SKIPPED' | 'NOT APPLICABLE';

/** What the harness looks at after a snippet has run. */
export interface Aftermath {
  rig: Rig;
  /** the workspace as the host sees it */
  workspace: string;
  /** what is `/` to the host of this run: a throwaway root in a control run */
  hostRoot: string;
  nonce: string;
  output: RunOutput;
  hits: Hit[];
}

export interface Case {
  id: string;
  title: string;
  tier: Tier;
  expect: Expectation;
  /** runs as; both when absent */
  principals?: readonly Principal[];
  /** default: `guest` for `deny`, else `namespace`; an `allow` case needs none */
  control?: Control;
  /** no record is asked for although it is a `deny`, and why */
  unlogged?: string;
  /** file in snippets/; default: ID.sh */
  snippet?: string;
  /** runs in a session that nothing else uses */
  alone?: boolean;
  /** hits on these kinds are none of this case's business */
  ignoreHits?: readonly Hit['kind'][];
  /** what is wrong on the host afterwards; undefined when nothing is */
  check?: (aftermath: Aftermath) => string | undefined | Promise<string | undefined>;
  /** prepares the host side of the run */
  before?: (rig: Rig, workspace: string) => void | Promise<void>;
  /** a case that no snippet alone can be */
  own?: (rig: Rig, executor: Executor) => Promise<{ verdict: Verdict; detail: string }>;
  /** why this design has nothing that the case could attack */
  notApplicable?: string;
}

export interface Result {
  id: string;
  title: string;
  tier: Tier;
  expect: Expectation;
  principal: Principal | 'host' | '-';
  verdict: Verdict | 'INVALID' | 'UNLOGGED';
  detail: string;
  /** what the control run said */
  control: string;
  passed: boolean;
  seconds: number;
}
