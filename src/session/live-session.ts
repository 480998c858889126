// A session while it lives: commands are judged and started here, and whatever ends it, it ends once, in one order.
// Invariants: the guest is dead before the log is closed; every step of the teardown runs, whatever an earlier one did.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../engine/engine.ts';
import type { Point } from '../enforce/point.ts';
import { judgeExecutable } from '../enforce/execution/executable.ts';
import type { GuestLink } from '../guest/link.ts';
import type { Log } from '../log/writer.ts';
import { messageOf } from '../model/error.ts';
import type { SessionState } from '../model/session.ts';
import type { CommandSpec } from './plan.ts';
import type { CommandStart, EndReason, Session, SessionEnd } from './session.ts';
import { writeState } from './state.ts';

/** how long the guest may take to write back and stop before it is killed, in `ms` */
const GRACE_MS = 2000;

const LONGEST_TIMER_MS = 0x7fffffff;

/** What a session is made of, each part already running. */
export interface SessionParts {
  log: Log;
  point: Point;
  machine: Machine;
  link: GuestLink;
  /** ends a part of the host side; called in order once the machine is dead */
  closers: (() => Promise<void> | void)[];
  runtimeDirectory: string;
  state: SessionState;
  directory: string;
  mayRunAsRoot: boolean;
  /** all variables of a command, given those its caller named */
  environment: (extra: CommandSpec['environment']) => [string, string][];
  denials: () => number;
  credentials: () => SessionEnd['credentials'];
}

export class LiveSession implements Session {
  readonly ended: Promise<SessionEnd>;
  readonly #parts: SessionParts;
  #ending: Promise<SessionEnd> | undefined;
  #resolveEnded: (end: SessionEnd) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    void parts.machine.exited.then((exit) => this.stop('machine-lost', exit.reason));
  }

  get id(): string {
    return this.#parts.state.id;
  }

  get directory(): string {
    return this.#parts.directory;
  }

  get isolation(): 'hardware' | 'emulated' {
    return this.#parts.machine.isolation;
  }

  /** Ends the session after `ms`. */
  limitTime(ms: number): void {
    this.#countDown(ms, () => {
      this.#record({ type: 'alert', alert: 'run.timeout', limitMs: ms });
      void this.stop('timeout');
    });
  }

  // A timer counts 2^31 - 1 ms at most, and fires at once when asked for more: a longer time is counted in parts.
  #countDown(ms: number, done: () => void): void {
    const part = Math.min(ms, LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => (part === ms ? done() : this.#countDown(ms - part, done)), part);
    this.#timer.unref();
  }

  async start(spec: CommandSpec): Promise<CommandStart> {
    const { point, link, mayRunAsRoot } = this.#parts;
    const environment = this.#parts.environment(spec.environment);
    const path = new Map(environment).get('PATH') ?? '';
    const [name = ''] = spec.argv;
    const verdict = judgeExecutable(name, {
      cwd: spec.cwd,
      path,
      ask: (request) => point.ask(request),
    });
    if (!verdict.allowed) return { kind: 'denied', decision: verdict.decision, path: name };
    const process = await link.exec({
      argv: spec.argv,
      env: environment,
      cwd: spec.cwd,
      user: mayRunAsRoot && spec.asRoot === true ? 'root' : 'agent',
      ...(spec.terminal === undefined ? {} : { tty: spec.terminal }),
    });
    return { kind: 'started', process };
  }

  stop(reason: EndReason, detail?: string): Promise<SessionEnd> {
    this.#ending ??= this.#end(reason, detail);
    return this.#ending;
  }

  async #end(reason: EndReason, detail: string | undefined): Promise<SessionEnd> {
    const { link, machine, closers, log, runtimeDirectory, state, directory, denials } =
      this.#parts;
    clearTimeout(this.#timer);
    const faults: string[] = [];
    const attempt = async (step: () => Promise<unknown> | void): Promise<void> => {
      try {
        await step();
      } catch (error) {
        faults.push(messageOf(error));
      }
    };

    // Only an orderly end may ask the guest for anything; every other one kills it first.
    if (reason === 'finished' || reason === 'stopped')
      await attempt(() => withinGrace(link.sync()));
    await attempt(() => machine.kill());
    await attempt(() => link.close());
    for (const close of closers) await attempt(close);
    const end: SessionEnd = {
      reason,
      denials: denials(),
      credentials: this.#parts.credentials(),
      logFile: log.file,
      ...(detail === undefined ? {} : { detail }),
    };
    await attempt(() => {
      log.end({
        type: 'session.end',
        reason,
        denials: end.denials,
        ...(faults.length > 0 ? { faults } : {}),
      });
    });
    await attempt(() => rmSync(runtimeDirectory, { recursive: true, force: true }));
    await attempt(() =>
      writeState(directory, {
        ...state,
        status: log.failed ? 'failed' : 'ended',
        endedAt: new Date().toISOString(),
        denials: end.denials,
      }),
    );
    this.#resolveEnded(end);
    return end;
  }

  #record(event: Parameters<Log['append']>[0]): void {
    try {
      this.#parts.log.append(event);
    } catch (error) {
      void this.stop('log-unwritable', messageOf(error));
    }
  }
}

function withinGrace(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout;
  const expired = new Promise<void>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the guest did not write back within ${GRACE_MS} ms`)),
      GRACE_MS,
    );
  });
  return Promise.race([work, expired]).finally(() => clearTimeout(timer));
}

/** The files of a session that others read. */
export const sessionFiles = (
  directory: string,
): { log: string; policy: string; console: string } => ({
  log: join(directory, 'decisions.jsonl'),
  policy: join(directory, 'effective-policy.json'),
  console: join(directory, 'console.log'),
});
