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
  const before = await stricter(order);
  if (before.conclusion === undefined) return { kind: 'refused', why: before.why };
  const path = `/repos/${context.repository}/check-runs`;
  const made = await github.call('POST', path, {
    name: CHECK_NAME,
    head_sha: context.event.pullRequest?.headSha ?? context.sha,
    external_id: externalId(context),
    details_url: `${context.serverUrl}/${context.repository}/actions/runs/${context.runId}`,
    status: 'completed',
    conclusion: before.conclusion,
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
  // A job beside this one may have been denied something since it was asked: its check is the older one now, and not shown.
  const after = await stricter(order);
  if (after.conclusion !== undefined && after.conclusion !== before.conclusion) {
    const more = await github.call('PATCH', `${path}/${id}`, {
      status: 'completed',
      conclusion: after.conclusion,
    });
    if (more.status !== 200) return { kind: 'refused', why: whyNot(more) };
  }
  const url = fieldOf(made, 'html_url');
  return { kind: 'created', url: typeof url === 'string' ? url : '' };
}

const externalId = ({ runId, attempt, job, step }: JobContext): string =>
  `${runId}/${attempt}/${job}/${step}`.slice(0, 255);

type Stricter = { conclusion: CheckOrder['conclusion'] } | { conclusion: undefined; why: string };

/**
 * GitHub shows the newest check of a name: a clean step must not cover a failed one of the same run. Where that cannot be asked, none is
 * made.
 */
async function stricter({ github, context, conclusion }: CheckOrder): Promise<Stricter> {
  if (conclusion === 'failure') return { conclusion };
  const sha = context.event.pullRequest?.headSha ?? context.sha;
  const own = `${context.runId}/${context.attempt}/`;
  let isNeutral = conclusion === 'neutral';
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const answer = await github.call(
      'GET',
      `/repos/${context.repository}/commits/${sha}/check-runs?check_name=${CHECK_NAME}&filter=all&per_page=100&page=${page}`,
    );
    const runs = fieldOf(answer, 'check_runs');
    if (answer.status !== 200 || !Array.isArray(runs))
      return { conclusion: undefined, why: `of earlier steps: ${whyNot(answer)}` };
    const conclusions = (runs as { external_id?: unknown; conclusion?: unknown }[])
      .filter(({ external_id: id }) => typeof id === 'string' && id.startsWith(own))
      .map((one) => one.conclusion);
    if (conclusions.includes('failure')) return { conclusion: 'failure' };
    isNeutral ||= conclusions.includes('neutral');
    if (runs.length < 100) return { conclusion: isNeutral ? 'neutral' : 'success' };
  }
  return { conclusion: undefined, why: 'there are too many of its name' };
}

/** GitHub keeps 1,000 checks of a name for a commit: https://docs.github.com/en/rest/checks/runs */
const MOST_PAGES = 11;

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
