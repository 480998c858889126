// What the guest got and under which policy: credentials, tools, hosts, files, layers, alerts.

import type { CredentialFate } from '../credential-fates.ts';
import type { Noted } from '../session-facts.ts';
import type { SessionReport } from '../session-report.ts';
import { PRIVATE_NOTE } from '../summary-inventory.ts';
import { formatCount } from '../verdict.ts';
import { html, type Html } from './html.ts';

const MAX_ROWS = 500;
const FOLD_AT = 12;

interface Table {
  id: string;
  title: string;
  head: string[];
  /** the first cell of a row is its head; a number is set apart */
  rows: (string | number)[][];
  omitted?: number;
  isWide?: boolean;
  note?: string;
}

export function inventorySections(report: SessionReport): Html {
  const tables: Table[] = [
    notes('alerts', 'Alerts', report.alerts),
    notes('gaps', 'Records that are missing', report.gaps),
    {
      id: 'credentials',
      title: 'Credentials',
      head: ['Credential', 'Provider', 'Minted', 'Used', 'Refused', 'Taken out', 'End'],
      rows: report.credentials.map((fate) => [
        fate.id,
        fate.provider,
        fate.minted,
        fate.injected,
        fate.refused,
        fate.reflected,
        endOf(fate),
      ]),
      omitted: report.omitted.credentials,
      isWide: true,
    },
    {
      id: 'tools',
      title: 'Tools called',
      head: ['Tool', 'Kind', 'Allowed', 'Denied', 'Failed'],
      rows: report.tools.map((use) => [use.name, use.kind, use.allowed, use.denied, use.failed]),
      omitted: report.omitted.tools,
    },
    {
      id: 'hosts',
      title: 'Hosts reached',
      head: ['Host', 'Connections', 'Requests judged'],
      rows: report.hosts.map((use) => [use.host, use.connections, use.requests]),
      omitted: report.omitted.hosts,
    },
    {
      id: 'files',
      title: 'Files written',
      head: ['Path', 'Writes'],
      rows: report.files.map((use) => [use.path, use.count]),
      omitted: report.omitted.files,
      note: PRIVATE_NOTE,
    },
    notes('exceptions', 'Exceptions used', report.exceptions),
    notes('clamps', 'Left out of the policy', report.clamps),
    {
      id: 'layers',
      title: 'Policy',
      head: ['Layer', 'File', 'Digest'],
      rows: report.layers.map((one) => [one.layer, one.file, one.digest]),
      isWide: true,
    },
  ];
  return html`<div class="inventory">
    ${tables.filter(({ rows }) => rows.length > 0).map(section)}
  </div>`;
}

function endOf(fate: CredentialFate): string {
  const { minted, revoked, expires, revocationFailed, refused, refusals } = fate;
  const parts = [
    revoked > 0 && `${formatCount(revoked)} revoked`,
    expires > 0 && `${formatCount(expires)} left to expire`,
    revocationFailed > 0 && `${formatCount(revocationFailed)} not revoked`,
    minted > revoked + expires + revocationFailed && 'no end on record',
    refused > 0 && refusals.join('; '),
  ];
  return parts.filter((part) => part !== false && part !== '').join(', ') || '–';
}

function notes(id: string, title: string, { count, first }: Noted): Table {
  return {
    id,
    title,
    head: ['What', 'Details'],
    rows: first.map(({ name, detail }) => [name, detail]),
    omitted: count - first.length,
  };
}

function section({ id, title, head, rows, omitted = 0, isWide, note }: Table): Html {
  const content = html`<div class="scroll" role="region" aria-labelledby="${id}-title" tabindex="0">
      <table>
        <thead>
          <tr>
            ${head.map((name, i) => html`<th scope="col" ${isNumber(rows, i) && html` class="number"`}>${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, MAX_ROWS).map(row)}
        </tbody>
      </table>
    </div>
    ${note !== undefined && html`<p class="note">${note}</p>`}
    ${(rows.length > MAX_ROWS || omitted > 0) && html`<p class="note">The log has more of them.</p>`}`;
  const isFolded = rows.length > FOLD_AT;
  return html`<section
    aria-labelledby="${id}-title"
    id="${id}"
    class="${isWide === true ? 'wide' : ''}"
  >
    <h2 id="${id}-title">${title} <span class="size">${formatCount(rows.length)}</span></h2>
    ${
      isFolded
        ? html`<details>
            <summary>Show all ${formatCount(rows.length)}</summary>
            ${content}
          </details>`
        : content
    }
  </section>`;
}

function isNumber(rows: Table['rows'], column: number): boolean {
  return rows.every((cells) => typeof cells[column] === 'number');
}

function row(cells: (string | number)[]): Html {
  return html`<tr>
    ${cells.map((cell, i) => {
      if (typeof cell === 'number') return html`<td class="number">${formatCount(cell)}</td>`;
      return i === 0
        ? html`<th scope="row"><code>${cell}</code></th>`
        : html`<td><code>${cell}</code></td>`;
    })}
  </tr>`;
}
