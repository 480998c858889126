// The page in the browser of the distribution, with the network shut: what a person sees and can do.
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Log } from '../../src/log/writer.ts';
import { writeReport } from '../../src/report/write.ts';
import { removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';
import { allow, BY_DEFAULT, openSession, writeHostile } from './rig.ts';

let browser: Browser;
let directory: string;
let log: Log;

beforeAll(async () => {
  // Root's Chromium starts without its own sandbox or not at all; the pages are our own.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
});
afterAll(async () => {
  await browser.close();
});
beforeEach(() => {
  directory = temporaryDirectory();
  log = openSession(directory);
});
afterEach(() => {
  log.close();
  removeDirectory(directory);
});

interface Opened {
  page: Page;
  /** what the page asked for beside itself, and what it complained of */
  asked: string[];
  faults: string[];
}

async function open(options: BrowserContextOptions = {}): Promise<Opened> {
  if (log.isOpen) log.end({ type: 'session.end', reason: 'finished' });
  const file = writeReport(join(directory, 'decisions.jsonl'), directory);
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const opened: Opened = { page, asked: [], faults: [] };
  page.on('request', (request) => opened.asked.push(request.url()));
  page.on('console', (message) => opened.faults.push(message.text()));
  page.on('pageerror', (error) => opened.faults.push(error.message));
  page.on('dialog', (dialog) => {
    opened.faults.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(`file://${file}`);
  await page.waitForSelector('html[data-ready]');
  expect(opened.asked.splice(0)).toEqual([`file://${file}`]);
  return opened;
}

function writeMany(count: number): void {
  for (let i = 0; i < count; i += 1)
    log.append(
      i % 10 === 0
        ? toDecision({ request: `connect d${i}.example.com:443` })
        : allow({ surface: 'filesystem', request: `read /w/file-${i}` }),
    );
}

const count = (page: Page): Promise<string | null> => page.textContent('#count');
const records = (page: Page): Promise<number> => page.locator('.record').count();

describe('the page in a browser', () => {
  it('shows the verdict and the records, a few of 10,000 at first, all of them in the end', async () => {
    writeMany(10_000);
    const { page, faults } = await open();
    expect(await page.textContent('h1')).toBe('1,000 requests denied');
    expect(await count(page)).toBe('10,004 records');
    expect(await records(page)).toBe(100);
    await page.locator('#more').scrollIntoViewIfNeeded();
    await expect.poll(() => records(page)).toBeGreaterThan(100);
    expect(faults).toEqual([]);
  });

  it('filters by effect, surface and text, and says how many are left', async () => {
    writeMany(200);
    const { page } = await open();
    await page.locator('label.toggle.allow').click();
    expect(await count(page)).toBe('24 of 204 records');
    await page.locator('label.toggle.session').click();
    expect(await count(page)).toBe('20 of 204 records');
    await page.fill('#query', 'D110.Example');
    await expect.poll(() => count(page)).toMatch(/^1 of/);
    await page.click('#reset');
    expect(await count(page)).toBe('204 records');
    await page.fill('#query', 'nothing like it');
    await page.waitForSelector('.empty');
    expect(await page.getAttribute('#count', 'aria-live')).toBe('polite');
  });

  it('goes by keys alone: to the search, from record to record, into one and out of it', async () => {
    writeMany(150);
    const { page } = await open();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the timeline');
    await page.keyboard.press('/');
    await page.keyboard.type('connect');
    await expect.poll(() => count(page)).toMatch(/^15 of/);
    await page.keyboard.press('Escape');
    expect(await count(page)).toBe('154 records');
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.dataset.index');
    await page.locator('.open').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('PageDown');
    expect(await focused()).toBe('11');
    for (let i = 0; i < 12; i += 1) await page.keyboard.press('PageDown');
    expect(await focused()).toBe('131');
    await page.locator('.deny .open').first().focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('.detail').textContent()).toMatch(
      /repo\/network\.deny\[0\].*agent-sandbox\.yml:12.*paste sites.*remove or narrow/s,
    );
    expect(await page.getAttribute('.deny .open', 'aria-expanded')).toBe('true');
    await page.keyboard.press('Enter');
    expect(await page.locator('.detail').count()).toBe(0);
  });

  it('shows where focus is', async () => {
    writeMany(5);
    const { page } = await open();
    for (const target of ['#query', '.open', 'summary, .find']) {
      await page.locator(target).first().focus();
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('Tab');
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
      expect(outline).toBe('solid');
    }
  });

  it('runs nothing and asks for nothing, whatever a guest put into every field', async () => {
    const attacks = [
      '<img src=x onerror=alert(1)>',
      '</script><script>alert(2)</script>',
      '"><svg onload=alert(3)>',
      '<a href="https://evil.test">x</a><iframe src="https://evil.test"></iframe>',
      '</style><style>@import "https://evil.test"</style>',
      '<!--<script>',
      "');alert(4)//${alert(5)}",
    ];
    let at = 0;
    for (const attack of attacks)
      log.append(
        toDecision({
          request: `read ${attack}`,
          reason: attack,
          rule: { ...BY_DEFAULT, id: attack },
        }),
      );
    writeHostile(log, () => attacks[at++ % attacks.length] ?? '');
    const { page, asked, faults } = await open();
    await page.evaluate(
      "document.querySelectorAll('details').forEach((one) => { one.open = true; })",
    );
    for (const button of await page.locator('.open').all()) await button.click();
    await page.locator('.find').first().click();
    await page.fill('#query', '<img');
    await expect.poll(() => count(page)).toContain(' of ');
    expect(asked).toEqual([]);
    expect(faults).toEqual([]);
    expect(
      await page
        .locator(
          'img, iframe, main svg:not(#strip svg), a:not(.skip), body script + script + script',
        )
        .count(),
    ).toBe(0);
    expect(await page.locator('main').textContent()).toContain('<img src=x onerror=alert(1)>');
  });

  it('shows what turns text round, and what cannot be seen', async () => {
    log.append(toDecision({ request: 'read /a\u202egpj.exe\u200b\u001b[2J' }));
    const { page } = await open();
    expect(await page.locator('.samples').textContent()).toContain(
      '\\u{202e}gpj.exe\\u{200b}\\u{1b}[2J',
    );
    expect(
      await page.evaluate("getComputedStyle(document.querySelector('.samples code')).unicodeBidi"),
    ).toBe('isolate-override');
  });

  it('follows the theme of its reader, who can choose another', async () => {
    writeMany(20);
    const brightness = async (page: Page): Promise<number> =>
      Number(
        /\d+/.exec(await page.evaluate('getComputedStyle(document.body).backgroundColor'))?.[0],
      );
    const light = await open({ colorScheme: 'light' });
    expect(await brightness(light.page)).toBeGreaterThan(200);
    await light.page.click('#theme');
    await light.page.click('#theme');
    expect(await brightness(light.page)).toBeLessThan(60);
    const dark = await open({ colorScheme: 'dark' });
    expect(await brightness(dark.page)).toBeLessThan(60);
  });

  it.each(['light', 'dark'] as const)(
    'has contrast enough in the %s theme',
    async (colorScheme) => {
      log.append(toDecision({ enforced: false, mode: 'audit' }));
      writeMany(20);
      const { page } = await open({ colorScheme });
      expect(await page.evaluate(FAINT_TEXTS)).toEqual([]);
    },
  );

  it('fits a phone without scrolling sideways', async () => {
    log.append(toDecision({ request: `read /${'long'.repeat(90)}` }));
    writeMany(30);
    const { page } = await open({ viewport: { width: 360, height: 740 } });
    await page.locator('.open').first().click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });

  it('tells a screen reader where it is: landmarks, headings in order, tables with heads, names', async () => {
    writeMany(30);
    log.append({ type: 'alert', alert: 'x', detail: 'y' });
    const { page } = await open();
    const levels = await page.evaluate<number[]>(
      "[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))",
    );
    expect(levels[0]).toBe(1);
    levels.slice(1).forEach((level, i) => expect(level - (levels[i] ?? 0)).toBeLessThanOrEqual(1));
    for (const landmark of ['banner', 'main', 'contentinfo', 'search'] as const)
      expect(await page.getByRole(landmark).count(), landmark).toBe(1);
    expect(
      await page.getByRole('table', { name: 'Timeline' }).getByRole('columnheader').count(),
    ).toBe(4);
    expect(await page.getByRole('region', { name: /Timeline|Alerts/ }).count()).toBeGreaterThan(1);
    expect(await page.getByRole('searchbox', { name: 'Search' }).count()).toBe(1);
    const nameless = await page.evaluate(NAMELESS);
    expect(nameless).toBe(0);
  });

  it('moves nothing for who wants nothing moved', async () => {
    writeMany(5);
    const { page } = await open({ reducedMotion: 'reduce' });
    const durations = await page.evaluate<string[]>(
      "[...document.querySelectorAll('*')].map((one) => getComputedStyle(one).transitionDuration)",
    );
    expect(new Set(durations)).toEqual(new Set(['0s']));
  });
});

/** How many things that take focus have no name. */
const NAMELESS = String.raw`[...document.querySelectorAll('button, input, summary')].filter(
  (one) => one.checkVisibility() && !(one.textContent.trim() || one.closest('label')
    || document.querySelector('label[for="' + one.id + '"]'))).length`;

/** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3). */
const FAINT_TEXTS = String.raw`(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll('body *')].filter((one) => one.checkVisibility()
    && !['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(one.tagName)
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  if (texts.length < 20) return ['too few texts were found'];
  return texts.map((one) => {
    const [a, b] = [luminance(rgb(getComputedStyle(one).color)), luminance(behind(one))];
    return [one.className, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  }).filter(([, contrast]) => contrast < 4.5);
})()`;
