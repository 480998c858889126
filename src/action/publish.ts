// Shows what a step's session came to: outputs, artifact, check run, annotations, summary. All from the log; each that cannot be had is
// said, has a lesser form, and is no failure of the step.

import { appendFileSync } from 'node:fs';

import type { GitHub } from '../github/api.ts';
import { setInFile, workflowCommand } from '../github/commands.ts';
import type { JobContext } from '../github/context.ts';
import { messageOf } from '../model/error.ts';
import { annotationsOf, type Annotation } from '../report/annotations.ts';
import { checkRunOutput, conclusionOf } from '../report/check-run.ts';
import { readSessionReport, type SessionReport } from '../report/session-report.ts';
import { renderSummary, SUMMARY_LIMIT } from '../report/summary.ts';
import { writeReport } from '../report/write.ts';
import { verdictOf, type Verdict } from '../report/verdict.ts';
import { workflowCommandsOf } from '../report/workflow-commands.ts';
import { type Uploaded, uploadArtifact } from './artifact.ts';
import { createCheck } from './check.ts';
import { quotedSummary } from './guest-summary.ts';
import type { Inputs } from './inputs.ts';
import type { SessionFiles } from './session-files.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface PublishOrder {
  session: SessionFiles;
  context: JobContext;
  github: GitHub;
  inputs: Pick<Inputs, 'checkRun' | 'failOn' | 'retentionDays' | 'uploadLog'>;
  environment: Environment;
  /** Markdown of the command's own */
  guestSummary: string;
  write: (text: string) => void;
}

/** Outputs of the action, which no command in the sandbox sets. */
export const OUTPUTS = [
  'verdict',
  'denied-count',
  'allowed-count',
  'exit-code',
  'session-id',
  'policy-digest',
  'log-path',
  'artifact-id',
  'check-run-url',
] as const;

export async function publish(order: PublishOrder): Promise<Verdict> {
  const { session, context, environment, inputs, write } = order;
  const report = readSessionReport(session.log);
  const verdict = verdictOf(report);
  const output = (name: (typeof OUTPUTS)[number], value: string | number): void =>
    setInFile(environment['GITHUB_OUTPUT'], name, String(value));
  output('verdict', verdict);
  output('denied-count', report.denied);
  output('allowed-count', report.allowed);
  output('session-id', session.id);
  output('policy-digest', report.policyDigest);
  output('log-path', session.log);

  const artifact = await artifactOf(order, verdict, report);
  if (artifact !== undefined) output('artifact-id', artifact.id);
  const artifactUrl =
    artifact &&
    `${context.serverUrl}/${context.repository}/actions/runs/${context.runId}/artifacts/${artifact.id}`;
  const annotations = annotationsOf(report, { fallback: workflowPlace(context) });
  const url = inputs.checkRun ? await checkOf(order, report, annotations, artifactUrl) : undefined;
  if (url !== undefined) output('check-run-url', url);
  else for (const line of workflowCommandsOf(annotations, ROOM)) write(`${line}\n`);
  writeSummary(order, renderSummary(report, { artifactUrl }));
  return verdict;
}

/** Of each level, that are left for what else the step has to say. */
const ROOM = 8;

async function artifactOf(
  { session, inputs, write }: PublishOrder,
  verdict: Verdict,
  { audited }: SessionReport,
): Promise<Uploaded | undefined> {
  const isQuiet = verdict === 'clean' && audited === 0;
  if (inputs.uploadLog === 'never' || (inputs.uploadLog === 'on-denial' && isQuiet))
    return undefined;
  try {
    // A session that was killed has none yet.
    writeReport(session.log, session.directory);
    const uploaded = await uploadArtifact(session, inputs.retentionDays);
    write(`agent-sandbox: uploaded ${uploaded.name} (sha256:${uploaded.digest ?? 'unknown'})\n`);
    return uploaded;
  } catch (error) {
    notice(
      write,
      'the log is not uploaded',
      `${messageOf(error)}; it is in ${session.directory} of the runner`,
    );
    return undefined;
  }
}

async function checkOf(
  { github, context, inputs, write }: PublishOrder,
  report: SessionReport,
  annotations: readonly Annotation[],
  artifactUrl: string | undefined,
): Promise<string | undefined> {
  try {
    const made = await createCheck({
      github,
      context,
      output: checkRunOutput(report, { artifactUrl }),
      annotations,
      conclusion: conclusionOf(report, inputs.failOn),
    });
    if (made.kind === 'created') return made.url;
    notice(write, 'no check run', `${made.why}; denials are annotations of this step instead`);
  } catch (error) {
    notice(
      write,
      'no check run',
      `${messageOf(error)}; denials are annotations of this step instead`,
    );
  }
  return undefined;
}

function writeSummary({ environment, guestSummary, write }: PublishOrder, own: string): void {
  const file = environment['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '') {
    notice(write, 'no summary', 'the runner has named no file for it');
    return;
  }
  appendFileSync(
    file,
    `${own}\n${quotedSummary(guestSummary, SUMMARY_LIMIT - Buffer.byteLength(own))}`,
  );
}

/** The workflow's own file, where nothing of the repository's policy decided. */
function workflowPlace({ workflowRef, repository }: JobContext): { path: string; line: number } {
  const [file = ''] = (workflowRef ?? '').split('@');
  const inside = file.startsWith(`${repository}/`) ? file.slice(repository.length + 1) : '';
  return { path: inside === '' ? '.github/workflows' : inside, line: 1 };
}

export function notice(write: (text: string) => void, title: string, message: string): void {
  write(workflowCommand('notice', { title: `agent-sandbox: ${title}` }, message));
}
