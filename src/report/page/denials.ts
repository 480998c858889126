// What was denied, a card for each rule: what was asked, how often, and what would allow it.

import type { RuleDenials } from '../denial-groups.ts';
import { remedyOf } from '../remedy.ts';
import type { SessionReport } from '../session-report.ts';
import { surfaceName } from '../summary.ts';
import { formatCount, requests } from '../verdict.ts';
import { html, type Html } from './html.ts';

const MAX_CARDS = 200;
const MAX_SAMPLES = 5;
const MAX_FOLDED = 100;

export function denialSections(report: SessionReport): Html[] {
  return [
    sectionOf(report, true, 'denied', 'What was denied'),
    sectionOf(report, false, 'audited', 'What would have been denied'),
  ].filter((section) => section !== undefined);
}

function sectionOf(
  report: SessionReport,
  enforced: boolean,
  id: string,
  title: string,
): Html | undefined {
  const all = report.denials.filter((one) => one.enforced === enforced);
  if (all.length === 0) return undefined;
  const left = all.length - MAX_CARDS;
  return html`<section aria-labelledby="${id}-title" class="${id}">
    <h2 id="${id}-title">${title}</h2>
    <ol class="cards">
      ${all.slice(0, MAX_CARDS).map((one) => card(one, report))}
    </ol>
    ${left > 0 && html`<p class="note">${formatCount(left)} more rules are not shown here; the timeline and the log have them.</p>`}
  </section>`;
}

function card(denials: RuleDenials, report: SessionReport): Html {
  const { rule, surface, reason, count, requests: all } = denials;
  const place = rule.line > 0 ? `${rule.file}:${rule.line}` : rule.file;
  const [shown, folded] = [all.slice(0, MAX_SAMPLES), all.slice(MAX_SAMPLES, MAX_FOLDED)];
  const left = count - [...shown, ...folded].reduce((sum, one) => sum + one.count, 0);
  return html`<li class="card">
    <div class="card-head">
      <h3><code>${rule.id}</code></h3>
      <p class="times">
        ${formatCount(count)}<span class="hidden"> ${count === 1 ? 'request' : 'requests'}</span>
      </p>
    </div>
    <p class="where">
      <span class="surface">${surfaceName(surface)}</span>
      ${place !== 'builtin' && html`<code>${place}</code>`}
    </p>
    ${reason !== '' && html`<p class="reason">${reason}</p>`}
    <ul class="samples">
      ${shown.map(sample)}
    </ul>
    ${
      folded.length > 0 &&
      html`<details>
        <summary>${formatCount(folded.length)} more</summary>
        <ul class="samples">
          ${folded.map(sample)}
        </ul>
      </details>`
    }
    ${left > 0 && html`<p class="note">And ${formatCount(left)} more.</p>`}
    ${remedy(denials, report)}
    <button type="button" class="find" data-query="${rule.id}" hidden>Show in the timeline</button>
  </li>`;
}

function sample({ request, count }: { request: string; count: number }): Html {
  return html`<li>
    <code>${request}</code>${count > 1 && html` <span class="by">× ${formatCount(count)}</span>`}
  </li>`;
}

function remedy(denials: RuleDenials, { layers }: SessionReport): Html {
  const found = remedyOf(denials, layers);
  switch (found.kind) {
    case 'none':
      return html`<p class="remedy">${found.why}</p>`;
    case 'change':
      return html`<p class="remedy">
        To allow it, remove or narrow <code>${found.rule}</code> at
        <code>${found.place}</code> (${found.owner}).
      </p>`;
    case 'add':
      return html`<details class="remedy">
        <summary>To allow it</summary>
        <p>Add to <code>${found.file}</code> (${found.owner}):</p>
        <div class="copy">
          <pre tabindex="0"><code>${found.yaml}</code></pre>
          <button type="button" class="copier" hidden>Copy</button>
        </div>
        ${found.left > 0 && html`<p class="note">This leaves out ${requests(found.left)}.</p>`}
      </details>`;
  }
}
