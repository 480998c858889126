// The check run of a step. https://docs.github.com/en/rest/checks/runs

import type { ApiAnswer, GitHub } from '../github/api.ts';
import type { JobContext } from '../github/context.ts';
import { type Annotation, batches } from '../report/annotations.ts';
import type { CheckRunOutput } from '../report/check-run.ts';

export const CHECK_NAME = 'agent-sandbox';

export interface CheckOrder {
  github: GitHub;
  context: JobContext;
  output: CheckRunOutput;
  annotations: readonly Annotation[];
  conclusion: 'success' | 'neutral' | 'failure';
}

export type CheckResult = { kind: 'created'; url: string } | { kind: 'refused'; why: string };

/** One that could not be made says why, in a word for people. Throws where GitHub gave no answer. */
export async function createCheck(order: CheckOrder): Promise<CheckResult> {
  const { github, context, output, annotations } = order;
  const [first = [], ...rest] = batches(annotations);
  const conclusion = await stricter(order);
  const path = `/repos/${context.repository}/check-runs`;
  const made = await github.call('POST', path, {
    name: CHECK_NAME,
    head_sha: context.event.pullRequest?.headSha ?? context.sha,
    external_id: externalId(context),
    details_url: `${context.serverUrl}/${context.repository}/actions/runs/${context.runId}`,
    status: 'completed',
    conclusion,
    output: { ...output, annotations: first.map(toApi) },
  });
  const id = fieldOf(made, 'id');
  if (made.status !== 201 || typeof id !== 'number') return { kind: 'refused', why: whyNot(made) };
  for (const batch of rest) {
    const more = await github.call('PATCH', `${path}/${id}`, {
      output: { ...output, annotations: batch.map(toApi) },
    });
    if (more.status !== 200)
      return { kind: 'refused', why: `${whyNot(more)}, after the first annotations` };
  }
  const url = fieldOf(made, 'html_url');
  return { kind: 'created', url: typeof url === 'string' ? url : '' };
}

const externalId = ({ runId, attempt, job, step }: JobContext): string =>
  `${runId}/${attempt}/${job}/${step}`.slice(0, 255);

/**
 * GitHub shows the newest check of a name: a clean step must not cover a failed one of the same run. What cannot be asked covers
 * nothing: it is taken as it is.
 */
async function stricter({
  github,
  context,
  conclusion,
}: CheckOrder): Promise<CheckOrder['conclusion']> {
  if (conclusion === 'failure') return conclusion;
  const sha = context.event.pullRequest?.headSha ?? context.sha;
  const { body, status } = await github.call(
    'GET',
    `/repos/${context.repository}/commits/${sha}/check-runs?check_name=${CHECK_NAME}&filter=all&per_page=100`,
  );
  const runs = status === 200 ? fieldOf({ status, body }, 'check_runs') : undefined;
  const own = `${context.runId}/${context.attempt}/`;
  const earlier = (Array.isArray(runs) ? runs : []) as {
    external_id?: unknown;
    conclusion?: unknown;
  }[];
  const conclusions = earlier
    .filter(({ external_id: id }) => typeof id === 'string' && id.startsWith(own))
    .map((one) => one.conclusion);
  if (conclusions.includes('failure')) return 'failure';
  return conclusions.includes('neutral') ? 'neutral' : conclusion;
}

function toApi({
  path,
  startLine,
  endLine,
  level,
  title,
  message,
  rawDetails,
}: Annotation): object {
  return {
    path,
    start_line: startLine,
    end_line: endLine,
    annotation_level: level,
    title,
    message,
    ...(rawDetails !== undefined && { raw_details: rawDetails }),
  };
}

function whyNot({ status }: ApiAnswer): string {
  if (status === 403 || status === 404) return 'the token lacks `checks: write`';
  return `GitHub answered ${status}`;
}

function fieldOf({ body }: ApiAnswer, name: string): unknown {
  return typeof body === 'object' && body !== null
    ? (body as Record<string, unknown>)[name]
    : undefined;
}
