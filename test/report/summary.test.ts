import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';

import type { Log } from '../../src/log/writer.ts';
import { checkRunOutput } from '../../src/report/check-run.ts';
import { code } from '../../src/report/markdown.ts';
import { readSessionReport } from '../../src/report/session-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';
import { nodesOf, parseMarkdown, textOf } from './gfm.ts';
import { allow, BY_DEFAULT, openSession, writeHostile } from './rig.ts';

let directory: string;
let file: string;
let log: Log;
beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory, 'decisions.jsonl');
  log = openSession(directory);
});
afterEach(() => {
  log.close();
  removeDirectory(directory);
});

const end = (): unknown => log.end({ type: 'session.end', reason: 'finished' });

describe('the summary', () => {
  it('begins with the verdict, then says what was denied, by surface', () => {
    log.append(toDecision());
    log.append(toDecision({ surface: 'mcp', request: 'tool github/delete_repo' }));
    log.append(toDecision({ enforced: false, mode: 'audit', request: 'connect a.example.com:1' }));
    log.append(allow());
    end();
    const text = renderSummary(readSessionReport(file));
    const headings = nodesOf(parseMarkdown(text)).filter(({ type }) => type === 'heading');
    expect(headings.map(textOf).slice(0, 5)).toEqual([
      'agent-sandbox: 2 requests denied',
      'Denied: network (1)',
      'Denied: tools (1)',
      'Would have been denied: network (1)',
      'Tools',
    ]);
    expect(text).toMatch(/^## .*\n\n> \[!CAUTION\]\n> 2 rules refused 2 requests\./);
    expect(text).toContain(
      'remove or narrow `repo/network.deny[0]` at `.github/agent-sandbox.yml:12`',
    );
  });

  it('shows the rules that would allow what no rule names, as YAML to copy', () => {
    const deny = (surface: 'network' | 'filesystem' | 'mcp', request: string): void =>
      void log.append(
        toDecision({ surface, request, rule: BY_DEFAULT, reason: 'no rule allows it' }),
      );
    deny('network', 'connect registry.example.com:8443');
    deny('network', 'GET https://api.example.com/repos/acme/app');
    deny('network', 'GET https://api.example.com/repos/acme/app');
    deny('network', 'connect registry.example.com:8443');
    deny('filesystem', 'read /opt/data');
    deny('mcp', 'tool github/get_issue');
    end();
    const blocks = nodesOf(parseMarkdown(renderSummary(readSessionReport(file)))).filter(
      ({ type }) => type === 'code',
    );
    expect(blocks.map(({ lang }) => lang)).toEqual(['yaml', 'yaml', 'yaml']);
    expect(blocks.map(({ value }) => parseDocument(value ?? '').toJS() as unknown)).toEqual([
      {
        network: {
          allow: [
            { host: 'registry.example.com', ports: [8443] },
            { host: 'api.example.com', methods: ['GET'], paths: ['/repos/acme/app'] },
          ],
        },
      },
      { filesystem: { allow: [{ path: '/opt/data', access: 'read' }] } },
      { mcp: { allow: [{ server: 'github', tools: ['get_issue'] }] } },
    ]);
  });

  it('names the ceiling that is in the way, and what to add to it', () => {
    const rule = { id: 'org/max', file: 'org.yml', line: 4, layer: 'org' } as const;
    log.append(toDecision({ request: 'connect a.example.com:443', rule }));
    end();
    const text = renderSummary(readSessionReport(file));
    expect(text).toContain("Add to `org.yml` (the organisation's policy)");
    expect(text).toContain('max:\n  network:\n    allow:\n      - {host: a.example.com}');
  });

  it('links to the artifact, and to nothing that is no address of the web', () => {
    end();
    const report = readSessionReport(file);
    const links = (artifactUrl: string): unknown[] =>
      nodesOf(parseMarkdown(renderSummary(report, { artifactUrl })))
        .filter(({ type }) => type === 'link')
        .map(({ url }) => url);
    expect(links('https://github.com/acme/app/actions/runs/1/artifacts/2')).toEqual([
      'https://github.com/acme/app/actions/runs/1/artifacts/2',
    ]);
    expect(links('javascript:alert(1)')).toEqual([]);
    expect(links('https://x.test/>) [a](https://evil.test')).toHaveLength(1);
  });

  it('is never longer than GitHub takes, and says where it was cut', () => {
    for (let rule = 0; rule < 60; rule += 1)
      for (let i = 0; i < 40; i += 1)
        log.append(
          toDecision({
            request: `read /${'é'.repeat(250)}${i}`,
            surface: 'filesystem',
            rule: { ...BY_DEFAULT, id: `team/${rule}`, file: 'team.yml', layer: 'team' },
          }),
        );
    end();
    const report = readSessionReport(file);
    expect(Buffer.byteLength(renderSummary(report))).toBeLessThan(1 << 20);
    const { title, summary } = checkRunOutput(report);
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(65_535);
    expect(summary).toContain('**Cut here:**');
    expect(title.length).toBeLessThanOrEqual(255);
    expect(Buffer.byteLength(renderSummary(report, { limit: 3000 }))).toBeLessThanOrEqual(3000);
  });
});

const ATTACKS = [
  '# heading',
  '\n# heading\n',
  '[link](https://evil.test)',
  '![image](https://evil.test/x.png)',
  '<img src=x onerror=alert(1)>',
  '</details><h1>x</h1>',
  '@octocat @acme/team #17 GH-1',
  'a | b | c |',
  '\\| \\',
  '`code`',
  '``` \n```\n# x',
  '`````````',
  ' ` ',
  '~~~',
  'https://evil.test www.evil.test me@evil.test',
  '[x]: https://evil.test',
  '[^1]: note',
  '> [!CAUTION]',
  '- [x] done',
  '$`x`$ $$x$$',
  '&lt;b&gt; &#64;octocat',
  '\u202egnp.exe\u2066',
  '**bold** ~~gone~~ _i_',
  '<!-- ',
  ':tada:',
  '',
];

describe('a text of the log in Markdown', () => {
  it.each(ATTACKS)('stays code: %j', (attack) => {
    const marked = `zq${attack}zq`;
    writeHostile(log, () => marked);
    const text = renderSummary(readSessionReport(file));
    expectContained(text);
  });

  it('is shown as it is, but for what would end its cell', () => {
    for (const attack of ATTACKS) {
      const [node] = nodesOf(
        parseMarkdown(`| a | b |\n| --- | --- |\n| ${code(`z${attack}z`)} | x |`),
      ).filter(({ type }) => type === 'inlineCode');
      expect(node?.value?.replaceAll('\\u{7c}', '|').replace(/\\u\{[0-9a-f]+\}/g, '')).toBe(
        `z${attack}z`.replace(/[\n\u202e\u2066]/g, ''),
      );
    }
  });
});

/** Nothing that stands outside of code has a mark in it, and nothing is there that a summary does not make itself. */
function expectContained(text: string): void {
  for (const { type, value, url } of nodesOf(parseMarkdown(text))) {
    expect([
      'image',
      'imageReference',
      'linkReference',
      'definition',
      'footnoteReference',
      'footnoteDefinition',
      'link',
      'delete',
      'thematicBreak',
      'emphasis',
    ]).not.toContain(type);
    if (type !== 'inlineCode' && type !== 'code') expect(`${value} ${url}`).not.toMatch(/zq|evil/);
    if (type === 'html')
      expect(value).toMatch(/^(<br>|<\/details>|<details><summary>[A-Za-z0-9, ]+<\/summary>)$/);
  }
}
