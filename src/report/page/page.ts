// `report.html`: one file that shows a session to a person, offline. Invariant: it asks nobody for anything and runs no
// script but its own (a policy in it says so to the browser), and every text of the log is text.

import { createHash } from 'node:crypto';

import { readSessionReport, type SessionReport } from '../session-report.ts';
import { formatCount, titleOf } from '../verdict.ts';
import { Html, html, scriptJson } from './html.ts';
import { denialSections } from './denials.ts';
import { headerOf } from './header.ts';
import { inventorySections } from './inventory.ts';
import { EFFECTS, readRows, SURFACES, type PageRows } from './rows.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** The page of a log. Reads the file twice where no report is given, else once. Throws as `readSessionReport` does. */
export function renderPage(file: string, report: SessionReport = readSessionReport(file)): string {
  const rows = readRows(file, report);
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(SCRIPT)}'`,
    `style-src '${hashOf(STYLE)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>${titleOf(report)} · agent-sandbox</title>
        ${exactly('style', STYLE)}
      </head>
      <body>
        <a class="skip" href="#timeline">Skip to the timeline</a>
        ${headerOf(report)}
        <main>${denialSections(report)} ${inventorySections(report)} ${timeline(rows)}</main>
        <footer>
          <p>
            Made from the session’s log alone. <code>agent-sandbox log verify</code> says whether
            that log is whole.
          </p>
        </footer>
        ${scriptJson('data', { ...rows, surfaces: SURFACES, effects: EFFECTS })}
        ${exactly('script', SCRIPT)}
      </body>
    </html> `;
  return page.text;
}

/** An element that the browser knows by the hash of its text: a space more, and it is another. */
function exactly(name: 'style' | 'script', text: string): Html {
  return new Html(`<${name}>${text}</${name}>`);
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

const NAMES: Readonly<Record<string, string>> = {
  allow: 'Allowed',
  deny: 'Denied',
  audit: 'Would be denied',
  event: 'Events',
  mcp: 'tools',
};

function timeline({ omitted }: PageRows): Html {
  const left = omitted.allows + omitted.others;
  return html`<section id="timeline" aria-labelledby="timeline-title" tabindex="-1">
    <h2 id="timeline-title">Timeline</h2>
    ${left > 0 && html`<p class="note">${formatCount(left)} records are not on this page: it shows the first of each kind, denials before allows. The log has all of them.</p>`}
    <noscript
      ><p class="note">
        The timeline needs the script of this page. Everything above does not.
      </p></noscript
    >
    <div class="strip" id="strip" aria-hidden="true"></div>
    <form class="filters" id="filters" role="search" aria-label="Filter the timeline">
      <div class="search">
        <label for="query">Search</label
        ><input
          id="query"
          type="search"
          autocomplete="off"
          spellcheck="false"
          placeholder="request, rule or reason"
          aria-describedby="keys"
        /><kbd aria-hidden="true">/</kbd>
      </div>
      <fieldset>
        <legend>Effect</legend>
        ${EFFECTS.map((name) => toggle('effect', name))}
      </fieldset>
      <fieldset>
        <legend>Surface</legend>
        ${SURFACES.map((name) => toggle('surface', name))}
      </fieldset>
    </form>
    <p class="status">
      <span id="count" role="status" aria-live="polite"></span>
      <button type="button" id="reset" hidden>Show all</button>
    </p>
    <p id="keys" class="hidden">
      Slash goes to the search, escape empties it. In the table, arrow up and down go from record to
      record, enter opens one.
    </p>
    <table role="table" id="records" aria-labelledby="timeline-title">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">Time (UTC)</th>
          <th role="columnheader" scope="col">Effect</th>
          <th role="columnheader" scope="col">Surface</th>
          <th role="columnheader" scope="col">Request</th>
        </tr>
      </thead>
      <tbody role="rowgroup" id="rows"></tbody>
    </table>
    <button type="button" id="more" hidden>Show more</button>
  </section>`;
}

function toggle(group: string, name: string): Html {
  return html`<label class="toggle ${name}"
    ><input type="checkbox" name="${group}" value="${name}" checked /><span
      >${NAMES[name] ?? name}</span
    ></label
  >`;
}
