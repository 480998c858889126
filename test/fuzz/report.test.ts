// Whatever a log holds, what people read of it is text: Markdown, workflow commands and the page keep it in its place.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openLog } from '../../src/log/writer.ts';
import { annotationsOf } from '../../src/report/annotations.ts';
import { checkRunOutput } from '../../src/report/check-run.ts';
import { renderPage } from '../../src/report/page/page.ts';
import { readSessionReport } from '../../src/report/session-report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { toSarif } from '../../src/report/sarif.ts';
import { workflowCommandsOf } from '../../src/report/workflow-commands.ts';
import { CONTEXT, removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';
import { nodesOf, parseMarkdown } from '../report/gfm.ts';
import { writeHostile } from '../report/rig.ts';
import { createRandom, type Random } from '../support/random.ts';

const PIECES: readonly [string, ...string[]] = [
  'zq',
  ...[
    '`',
    '``',
    '```',
    '~~~',
    '|',
    '\\',
    '\n',
    '\r',
    ' ',
    '  ',
    '\t',
    '#',
    '>',
    '-',
    '*',
    '_',
    '~',
    '=',
  ],
  ...[
    '[',
    ']',
    '(',
    ')',
    '<',
    '>',
    '!',
    '&',
    ';',
    ':',
    '@',
    '$',
    '^',
    '%',
    '"',
    "'",
    '{',
    '}',
    '/',
    '.',
    ',',
  ],
  ...[
    'https://',
    'www.',
    '@octocat',
    '#17',
    '&#64;',
    '&lt;',
    '</details>',
    '<summary>',
    '<!--',
    '-->',
    ']]>',
  ],
  ...[
    '</script>',
    '<script>',
    '<img src=x>',
    '::error::',
    '::add-mask::x',
    '##[error]',
    '%0A',
    '%3A',
  ],
  ...[
    '\u202e',
    '\u2028',
    '\u200b',
    '\ud800',
    '\udc00',
    '\u0000',
    '\u001b[2J',
    '\ufeff',
    'א',
    '💥',
    'a',
    'zq',
  ],
];

function hostileText(random: Random): string {
  return `zq${Array.from({ length: 1 + random.below(12) }, () => random.pick(PIECES)).join('')}`;
}

let directory: string;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => {
  removeDirectory(directory);
});

const random = createRandom('report');
const NO_PART_OF_A_SUMMARY =
  /^(image|link|linkReference|imageReference|definition|footnote.*|delete|emphasis|thematicBreak)$/;

describe(`a log of hostile texts (seed ${random.seed})`, () => {
  it('stays text in Markdown, in commands and on the page', () => {
    for (let round = 0; round < 60; round += 1) {
      const file = join(directory, `${round}.jsonl`);
      const log = openLog({ file, context: CONTEXT });
      writeHostile(log, () => hostileText(random));
      const report = readSessionReport(file);

      for (const text of [renderSummary(report), checkRunOutput(report).summary])
        for (const { type, value } of nodesOf(parseMarkdown(text))) {
          expect(type).not.toMatch(NO_PART_OF_A_SUMMARY);
          if (type !== 'inlineCode' && type !== 'code')
            expect(value ?? '').not.toMatch(/zq|[\u0080-\u009f\u202e]/);
          if (type === 'html')
            expect(value).toMatch(/^(<br>|<\/details>|<details><summary>[\w, ]+<\/summary>)$/);
        }

      const fallback = { path: 'a.yml', line: 1 };
      for (const line of workflowCommandsOf(annotationsOf(report, { fallback }))) {
        expect(line).toMatch(/^::(error|warning) file=[^:,]*,line=\d+,endLine=\d+,title=[^:,]*::/);
        expect(line).not.toMatch(/[\r\n\u2028]|##\[|%0A\s*::/);
      }

      const page = renderPage(file, report);
      expect(page.match(/<\/?script|<!--|<img/g)).toEqual([
        '<script',
        '</script',
        '<script',
        '</script',
      ]);
      expect(() => JSON.stringify(toSarif([report], { version: '1' }))).not.toThrow();
    }
  });

  it('never ends in anything but a report, whatever was done to its bytes', () => {
    // Without an end, so that no change can make it whole.
    const plain = join(directory, 'plain.jsonl');
    const log = openLog({ file: plain, context: CONTEXT });
    log.append({ type: 'session.start', command: 'claude' });
    for (let i = 0; i < 20; i += 1) log.append(toDecision({ request: `read /${i}`, count: 3 }));
    log.close();
    const bytes = readFileSync(plain);
    for (let round = 0; round < 150; round += 1) {
      const bent = Buffer.from(bytes);
      for (let i = random.below(30); i >= 0; i -= 1)
        bent[random.below(bent.length)] = random.below(256);
      // The first record stays one: a log of an unknown version is refused, which is tested elsewhere.
      bytes.copy(bent, 0, 0, bytes.indexOf(0x0a) + 1);
      const file = join(directory, 'bent.jsonl');
      writeFileSync(file, bent.subarray(0, random.below(bent.length + 1)));
      const report = readSessionReport(file);
      expect(report.verification.status).not.toBe('ok');
      expect(JSON.stringify(report)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
      renderSummary(report);
      renderPage(file, report);
    }
  });
});
