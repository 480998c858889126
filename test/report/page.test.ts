import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Linter } from 'eslint';
import js from '@eslint/js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Log } from '../../src/log/writer.ts';
import { renderPage } from '../../src/report/page/page.ts';
import { SCRIPT } from '../../src/report/page/script.ts';
import { writeReport } from '../../src/report/write.ts';
import { removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';
import { allow, openSession, writeHostile } from './rig.ts';

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

describe('the page', () => {
  it('lets a browser run its own script and ask nobody for anything', () => {
    log.append(toDecision());
    end();
    const page = renderPage(file);
    const [, policy = ''] = /Content-Security-Policy"\s+content="([^"]*)"/.exec(page) ?? [];
    const hashOf = (name: string): string => {
      const [, text = ''] = new RegExp(`<${name}>([^]*?)</${name}>`).exec(page) ?? [];
      return `&#39;sha256-${createHash('sha256').update(text).digest('base64')}&#39;`;
    };
    expect(policy.split('; ')).toEqual([
      'default-src &#39;none&#39;',
      `script-src ${hashOf('script')}`,
      `style-src ${hashOf('style')}`,
      'base-uri &#39;none&#39;',
      'form-action &#39;none&#39;',
    ]);
    expect(page).not.toMatch(/\b(?:src|href|action|srcset|poster)\s*=\s*"(?!#)/);
    expect(page).not.toMatch(/\son[a-z]+\s*=|\sstyle\s*=|@import|url\(/i);
  });

  it.each([
    '</script><script>alert(1)</script>',
    '<!--<script>',
    '"><img src=x onerror=alert(1)>',
    '&lt;b&gt;',
    "' onfocus='x",
    '\u2028\u2029',
  ])('keeps %j as text, in markup and in data', (attack) => {
    writeHostile(log, () => `zq${attack}`);
    const page = renderPage(file);
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<\/script/g)).toHaveLength(2);
    expect(page).not.toMatch(/<img|<b>|<!--|[\u2028\u2029]/);
    const [, data = ''] = /id="data">([^]*?)<\/script>/.exec(page) ?? [];
    expect(data).not.toMatch(/[<>&]/);
    const { rows } = JSON.parse(data) as { rows: unknown[][] };
    expect(JSON.stringify(rows)).toContain('zq');
  });

  it('shows the first of each kind of a very long session, and says what it leaves out', () => {
    for (let i = 0; i < 10_500; i += 1)
      log.append(allow({ request: `connect h${i}.example.com:1` }));
    for (let i = 0; i < 100; i += 1) log.append(toDecision());
    end();
    const page = renderPage(file);
    const { rows } = JSON.parse(/id="data">([^]*?)<\/script>/.exec(page)?.[1] ?? '') as {
      rows: number[][];
    };
    expect(rows.filter(([, effect]) => effect === 0)).toHaveLength(10_000);
    expect(rows.filter(([, effect]) => effect === 1)).toHaveLength(100);
    expect(page).toContain('500 records are not on this page');
  });

  it('has a script without a fault that a linter knows', () => {
    const globals = Object.fromEntries(
      [
        'document',
        'IntersectionObserver',
        'navigator',
        'getSelection',
        'setTimeout',
        'clearTimeout',
      ].map((name) => [name, 'readonly' as const]),
    );
    const faults = new Linter().verify(SCRIPT, [
      js.configs.recommended,
      { languageOptions: { ecmaVersion: 2022, sourceType: 'script', globals } },
    ]);
    expect(faults).toEqual([]);
    expect(SCRIPT).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|fetch\(/,
    );
  });
});

describe('writing the page', () => {
  it('puts it beside the log for its owner alone, and replaces what is there as a whole', () => {
    end();
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'mine');
    symlinkSync(victim, join(directory, 'report.html'));
    const page = writeReport(file, directory);
    expect(page).toBe(join(directory, 'report.html'));
    expect(readFileSync(page, 'utf8')).toBe(renderPage(file));
    expect(statSync(page).mode & 0o777).toBe(0o600);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(readdirSync(directory).sort()).toEqual(['decisions.jsonl', 'report.html', 'victim']);
  });

  it('says where it cannot be written', () => {
    end();
    expect(() => writeReport(file, join(directory, 'none'))).toThrow(
      /the report cannot be written/,
    );
  });
});
