// Check runs: https://docs.github.com/rest/checks/runs

import { type Answer, type Call, type Served, notFound, page, refuse } from './call.ts';
import type { CheckAnnotation, CheckRun } from './types.ts';

interface Body {
  name?: string;
  head_sha?: string;
  status?: string;
  conclusion?: string;
  external_id?: string;
  details_url?: string;
  completed_at?: string;
  output?: {
    title?: string;
    summary?: string;
    text?: string;
    annotations?: CheckAnnotation[];
  };
}

/** What the description says in prose alone, in characters. */
const LONGEST = { message: 65_536, title: 255, raw_details: 65_536 } as const;
const MOST_ANNOTATIONS = 50;

export const CHECK_ROUTES: Readonly<Record<string, Served>> = {
  'POST /repos/{owner}/{repo}/check-runs': { needs: ['checks', 'write'], answer: create },
  'PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}': {
    needs: ['checks', 'write'],
    answer: update,
  },
  'GET /repos/{owner}/{repo}/check-runs/{check_run_id}': {
    needs: ['checks', 'read'],
    answer: (call) => withRun(call, (run) => ({ status: 200, body: shown(call, run) })),
  },
  'GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations': {
    needs: ['checks', 'read'],
    answer: (call) =>
      withRun(call, (run) => {
        const { items, headers } = page(call, run.annotations);
        return { status: 200, headers, body: items };
      }),
  },
  'GET /repos/{owner}/{repo}/commits/{ref}/check-runs': {
    needs: ['checks', 'read'],
    answer: list,
  },
};

function create(call: Call): Answer {
  const body = call.body as Body;
  const fault = faultOf(body);
  if (fault !== undefined) return refuse(422, fault);
  const id = call.state.nextId();
  const repository = `${call.params['owner']}/${call.params['repo']}`;
  const run: CheckRun = {
    ...{ id, repository, name: body.name ?? '', headSha: body.head_sha ?? '', status: 'queued' },
    ...{ conclusion: null, externalId: null, detailsUrl: null, annotations: [], writes: 0 },
    appId: call.token?.appId ?? call.state.appId,
    output: { title: null, summary: null, text: null },
    htmlUrl: `https://github.com/${repository}/runs/${id}`,
  };
  call.state.checkRuns.push(run);
  change(run, body);
  return { status: 201, body: shown(call, run) };
}

function update(call: Call): Answer {
  return withRun(call, (run) => {
    const body = call.body as Body;
    const fault = faultOf(body);
    if (fault !== undefined) return refuse(422, fault);
    const appId = call.token?.appId;
    if (appId !== run.appId)
      return refuse(
        403,
        `Invalid app_id \`${appId}\` - check run can only be modified by the GitHub App that created it.`,
      );
    change(run, body);
    return { status: 200, body: shown(call, run) };
  });
}

function change(run: CheckRun, body: Body): void {
  const { output } = body;
  run.writes++;
  run.name = body.name ?? run.name;
  run.externalId = body.external_id ?? run.externalId;
  run.detailsUrl = body.details_url ?? run.detailsUrl;
  run.conclusion = body.conclusion ?? run.conclusion;
  run.status = body.conclusion === undefined ? (body.status ?? run.status) : 'completed';
  if (output === undefined) return;
  run.output = {
    title: output.title ?? run.output.title,
    summary: output.summary ?? run.output.summary,
    text: output.text ?? run.output.text,
  };
  run.annotations.push(...(output.annotations ?? []));
}

function faultOf({ status, conclusion, output }: Body): string | undefined {
  if (status === 'completed' && conclusion === undefined) return 'conclusion is missing';
  const annotations = output?.annotations ?? [];
  if (annotations.length > MOST_ANNOTATIONS) return `annotations exceeds a maximum quantity of 50`;
  for (const annotation of annotations) {
    for (const name of ['message', 'title', 'raw_details'] as const)
      if ((annotation[name] ?? '').length > LONGEST[name])
        return `annotations.${name} is longer than ${LONGEST[name]}`;
    const { start_line, end_line, path } = annotation;
    if (end_line < start_line) return 'annotations.end_line is before start_line';
    if (path === '' || path.startsWith('/')) return 'annotations.path is not relative';
    const hasColumns = 'start_column' in annotation || 'end_column' in annotation;
    if (hasColumns && start_line !== end_line) return 'columns belong to a single line';
  }
  return undefined;
}

function withRun(call: Call, answer: (run: CheckRun) => Answer): Answer {
  const { owner, repo, check_run_id: id } = call.params;
  const run = call.state.checkRuns.find((one) => one.id === Number(id));
  return run?.repository === `${owner}/${repo}` ? answer(run) : notFound();
}

function list(call: Call): Answer {
  const { owner, repo, ref } = call.params;
  const name = call.query.get('check_name');
  const all = call.state.checkRuns.filter(
    (run) =>
      run.repository === `${owner}/${repo}` &&
      run.headSha === ref &&
      (name === null || run.name === name),
  );
  const { items, headers } = page(call, all);
  const check_runs = items.map((run) => shown(call, run));
  return { status: 200, headers, body: { total_count: all.length, check_runs } };
}

function shown(call: Call, run: CheckRun): object {
  const { state } = call;
  return {
    ...{ id: run.id, name: run.name, head_sha: run.headSha, external_id: run.externalId },
    ...{ status: run.status, conclusion: run.conclusion, details_url: run.detailsUrl },
    html_url: run.htmlUrl,
    url: `${state.url}/repos/${run.repository}/check-runs/${run.id}`,
    started_at: new Date(state.now()).toISOString(),
    completed_at: run.status === 'completed' ? new Date(state.now()).toISOString() : null,
    app: { id: run.appId, slug: state.appSlug, name: 'GitHub Actions' },
    output: {
      ...run.output,
      annotations_count: run.annotations.length,
      annotations_url: `${state.url}/repos/${run.repository}/check-runs/${run.id}/annotations`,
    },
    pull_requests: [],
  };
}
