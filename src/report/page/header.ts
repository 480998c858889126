// The top of the page: the verdict in large, what it means in a sentence, and whose session it was.

import { formatDuration } from '../summary-inventory.ts';
import type { SessionReport } from '../session-report.ts';
import { faultOf, formatCount, sentenceOf, titleOf, verdictOf } from '../verdict.ts';
import { html, type Html } from './html.ts';

const TONES = {
  clean: 'Clean',
  audited: 'Clean, in audit mode',
  denied: 'Denied',
  failed: 'Failed',
} as const;

export function headerOf(report: SessionReport): Html {
  const verdict = verdictOf(report);
  const tone = verdict === 'clean' && report.audited > 0 ? 'audited' : verdict;
  const fault = faultOf(report);
  return html`<header class="top ${tone}">
    <div class="bar">
      <p class="product">agent-sandbox <span>session report</span></p>
      <button type="button" id="theme" hidden>Theme: auto</button>
    </div>
    <p class="verdict"><span class="dot" aria-hidden="true"></span>${TONES[tone]}</p>
    <h1>${titleOf(report)}</h1>
    <p class="lead">${sentenceOf(report)}</p>
    ${fault !== undefined && html`<p class="fault" role="alert"><strong>${fault.text}</strong> ${fault.detail !== '' && html`<code>${fault.detail}</code>`}</p>`}
    <dl class="counts">${countsOf(report)}</dl>
    <dl class="facts">${factsOf(report)}</dl>
  </header>`;
}

function countsOf(report: SessionReport): Html[] {
  const { denied, audited, allowed, hosts, tools, files, credentials, alerts } = report;
  const counts: [string, number, boolean][] = [
    ['denied', denied, true],
    ['would be denied', audited, audited > 0],
    ['allowed', allowed, true],
    ['hosts reached', hosts.length, hosts.length > 0],
    ['tools', tools.length, tools.length > 0],
    ['credentials', credentials.length, credentials.length > 0],
    ['files written', files.length, files.length > 0],
    ['alerts', alerts.count, alerts.count > 0],
  ];
  return counts
    .filter(([, , isShown]) => isShown)
    .map(
      ([name, count]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${formatCount(count)}</dd>
        </div>`,
    );
}

function factsOf(report: SessionReport): Html[] {
  const { run, actor, verification } = report;
  const facts: [string, string][] = [
    ['Repository', run.repository ?? ''],
    ['Commit', (run.sha ?? '').slice(0, 12)],
    ['Pull request', run.pullRequest === undefined ? '' : `#${run.pullRequest}`],
    ['Job', run.job ?? ''],
    ['Acted by', actor.login === '' ? '' : `${actor.login} (${actor.assurance})`],
    ['Command', report.command],
    ['Started', report.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['Took', report.startedAt === '' ? '' : formatDuration(report.durationMs)],
    ['Ended as', report.end?.reason ?? ''],
    ['Mode', report.mode],
    ['Isolation', report.isolation],
    ['Session', report.session],
    ['Policy', report.policyDigest.slice(0, 19)],
    ['Log', `${verification.status}, ${formatCount(report.records)} records`],
  ];
  return facts
    .filter(([, value]) => value !== '')
    .map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    );
}
