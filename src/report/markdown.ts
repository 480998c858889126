// Markdown as GitHub renders it, with texts of a log in it. Invariant: a text of the log stands in a code span or a fenced
// block and nowhere else. There it makes no heading, link, image, HTML, mention or table cell, and GitHub itself links
// nothing: escapes with a backslash or `&#64;` would be decoded before it looks for mentions and addresses.
// Source: CommonMark 0.31 §6.1 (code spans), §4.5 (fences); GFM 0.29 §4.10 (cells end at `|`, in code spans, too).

import { visible } from './bounded.ts';

/** A text of the log as a code span that may stand in a table. `max` in UTF-16 units. */
export function code(text: string, max: number = 300): string {
  const shown = visible(text, max).replaceAll('|', '\\u{7c}');
  if (shown === '') return '–';
  const fence = '`'.repeat(longestRun(shown) + 1);
  // One space on both sides is taken off again by whoever reads it.
  const pad = /^[` ]|[` ]$/.test(shown) ? ' ' : '';
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** Lines of our own with texts of the log in them, as a block of code. */
export function fenced(language: 'yaml' | '', text: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}

/** A table; cells are Markdown already. '' where there are no rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What can be opened; the title is ours. Blank lines let what is within be Markdown again. */
export function details(title: string, content: string): string {
  return `<details><summary>${title}</summary>\n\n${content}\n\n</details>`;
}

/** A link to a place of ours: `undefined` for what is no plain https or http address. */
export function link(title: string, url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, href } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') return undefined;
  return `[${title}](<${href.replace(/[<>\\\s]/g, encodeURIComponent)}>)`;
}

/** Blocks as one text of at most `limit` bytes of UTF-8; what does not fit is left out, and said to be. */
export function joinBlocks(blocks: readonly string[], limit: number, notice: string): string {
  const kept: string[] = [];
  const room = limit - Buffer.byteLength(notice) - 2;
  let size = 0;
  for (const block of blocks.filter((one) => one !== '')) {
    const next = size + Buffer.byteLength(block) + 2;
    if (next > room) return `${[...kept, notice].join('\n\n')}\n`;
    kept.push(block);
    size = next;
  }
  return `${kept.join('\n\n')}\n`;
}
