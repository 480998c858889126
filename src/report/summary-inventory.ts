// The lower half of a summary: who ran what under which policy, and what the guest got.

import type { CredentialFate } from './credential-fates.ts';
import { code, details, table } from './markdown.ts';
import type { Noted } from './session-facts.ts';
import type { SessionReport } from './session-report.ts';
import { formatCount } from './verdict.ts';

const MAX_ROWS = 100;
/** A decision does not say whether the write went to the host's file. */
export const PRIVATE_NOTE =
  'Writes to private paths are among these: they change a copy of the session, not the file.';

export function inventory(report: SessionReport): string[] {
  return [
    ...section('Alerts', noted(report.alerts)),
    ...section('Credentials', credentials(report.credentials)),
    ...section('Tools', tools(report)),
    ...section('Hosts reached', hosts(report)),
    ...section('Files written', files(report)),
    ...section('Exceptions used', noted(report.exceptions)),
    ...section('Left out of the policy', noted(report.clamps)),
    ...section('Session', session(report)),
  ];
}

function section(title: string, content: string): string[] {
  return content === '' ? [] : [`### ${title}`, content];
}

export function fateOf(fate: CredentialFate): string {
  const parts = [
    fate.revoked > 0 && `${formatCount(fate.revoked)} revoked`,
    fate.expires > 0 && `${formatCount(fate.expires)} left to expire`,
    fate.revocationFailed > 0 &&
      `${formatCount(fate.revocationFailed)} **not revoked**, the next start tries again`,
  ].filter((part) => part !== false);
  const known = fate.revoked + fate.expires + fate.revocationFailed;
  if (fate.minted > known)
    parts.push(`${formatCount(fate.minted - known)} without an end on record`);
  return parts.join(', ') || '–';
}

function credentials(fates: readonly CredentialFate[]): string {
  return table(
    ['Credential', 'Provider', 'Minted', 'Used', 'Refused', 'Taken out of answers', 'End'],
    fates
      .slice(0, MAX_ROWS)
      .map((fate) => [
        code(fate.id),
        code(fate.provider),
        formatCount(fate.minted),
        formatCount(fate.injected),
        fate.refused === 0
          ? '0'
          : `${formatCount(fate.refused)}${fate.refusals.map((why) => `<br>${code(why)}`).join('')}`,
        formatCount(fate.reflected),
        fateOf(fate),
      ]),
  );
}

function tools({ tools: all }: SessionReport): string {
  return folded(
    all.map(({ kind, name, allowed, denied, failed }) => [
      `${kind} ${code(name)}`,
      formatCount(allowed),
      formatCount(denied),
      formatCount(failed),
    ]),
    ['Tool', 'Allowed', 'Denied', 'Failed'],
    all.length,
  );
}

function hosts({ hosts: all, omitted }: SessionReport): string {
  return folded(
    all.map(({ host, connections, requests }) => [
      code(host),
      formatCount(connections),
      requests === 0 ? '–' : formatCount(requests),
    ]),
    ['Host', 'Connections', 'Requests judged'],
    all.length + omitted.hosts,
  );
}

function files({ files: all, omitted }: SessionReport): string {
  const list = folded(
    all.map(({ path, count }) => [code(path), formatCount(count)]),
    ['Path', 'Writes'],
    all.length + omitted.files,
  );
  return list === '' ? '' : `${list}\n\n${PRIVATE_NOTE}`;
}

function folded(rows: string[][], head: string[], total: number): string {
  if (rows.length === 0) return '';
  const shown = rows.slice(0, MAX_ROWS);
  const more =
    total > shown.length ? '\n\nThere are more of them: `report.html` and the log have them.' : '';
  const content = `${table(head, shown)}${more}`;
  return shown.length > 10 ? details(`${formatCount(rows.length)} of them`, content) : content;
}

function noted({ count, first }: Noted): string {
  const shown = first.slice(0, 20);
  const lines = shown.map(({ name, detail }) => `- ${code(name)} ${code(detail)}`);
  if (count > shown.length) lines.push(`- and ${formatCount(count - shown.length)} more`);
  return lines.join('\n');
}

function session(report: SessionReport): string {
  const { run, actor, end, verification } = report;
  const by = actor.login === '' ? '' : `${code(actor.login)} (${code(actor.assurance)})`;
  const digests = report.layers.map(
    ({ layer, file, digest }) => `${code(layer)} ${code(file)} ${code(digest)}`,
  );
  const rows = [
    ['Session', code(report.session)],
    ['Command', code(report.command)],
    ['Repository', run.repository === undefined ? '' : code(run.repository)],
    ['Commit', run.sha === undefined ? '' : code(run.sha)],
    ['Acted by', by],
    ['Started', code(report.startedAt)],
    ['Took', formatDuration(report.durationMs)],
    ['Ended as', end === undefined ? '' : code(end.reason)],
    ['Mode', report.mode],
    ['Isolation', code(report.isolation)],
    ['Policy', code(report.policyDigest)],
    ['Layers', digests.join('<br>')],
    ['Log', `${verification.status}, ${formatCount(report.records)} records`],
  ];
  return table(
    ['', ''],
    rows.filter(([, value]) => value !== '' && value !== '–'),
  );
}

export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`;
}
