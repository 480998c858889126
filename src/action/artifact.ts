// The artifact of a step: the log, the policy that held, and the page.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { SessionFiles } from './session-files.ts';

export interface Uploaded {
  id: number;
  name: string;
  /** SHA-256 of what was sent */
  digest?: string;
}

const FILES = ['decisions.jsonl', 'effective-policy.json', 'session.json', 'report.html'];
/** in `ms` */
const TIME = 120_000;

/** Throws where it cannot be sent, within two minutes. */
export async function uploadArtifact(
  session: SessionFiles,
  retentionDays: number | undefined,
): Promise<Uploaded> {
  // Two megabytes of program that no other part of the step wants.
  const { DefaultArtifactClient } = await import('@actions/artifact');
  const name = `agent-sandbox-${session.id}`;
  const files = FILES.map((file) => join(session.directory, file)).filter((file) =>
    existsSync(file),
  );
  const late = new AbortController();
  const sent = await Promise.race([
    new DefaultArtifactClient().uploadArtifact(name, files, session.directory, {
      ...(retentionDays !== undefined && { retentionDays }),
    }),
    delay(TIME, undefined, { signal: late.signal, ref: false }).then(() => {
      throw new Error(`it took longer than ${TIME / 1000} s`);
    }),
  ]).finally(() => late.abort());
  if (sent.id === undefined) throw new Error('it got no id');
  return { id: sent.id, name, ...(sent.digest !== undefined && { digest: sent.digest }) };
}
