// Annotations of a check run: one for each rule that denied something, at the line of the rule where that line is in the
// repository, else at the place the caller names.
// Source of the limits: https://docs.github.com/rest/checks/runs, "Create a check run".

import { visible } from './bounded.ts';
import type { RuleDenials } from './denial-groups.ts';
import { remedyLine, remedyOf } from './remedy.ts';
import type { SessionReport } from './session-report.ts';
import { surfaceName } from './summary.ts';
import { faultOf, formatCount, requests } from './verdict.ts';

export interface Annotation {
  /** relative to the repository's root */
  path: string;
  /** from 1 */
  startLine: number;
  endLine: number;
  level: 'notice' | 'warning' | 'failure';
  /** at most 255 characters */
  title: string;
  /** plain text, lines split by `\n`, at most 64 KiB */
  message: string;
  /** the same */
  rawDetails?: string;
}

export interface AnnotationOptions {
  /** where to say what no line of the repository stands for, e.g. the step in the workflow */
  fallback: { path: string; line: number };
}

/** Annotations of one session: those beyond are put together into a last one. */
const MAX_ANNOTATIONS = 200;
const MAX_TITLE = 255;
/** 64 KiB is the limit; what is read here is read in a margin of a few lines. */
const MAX_MESSAGE = 16_000;
const MAX_SAMPLES = 10;
/** of one request to the API */
const BATCH = 50;

/** What went wrong first, then what was denied, then what would have been; each in the order of its count. */
export function annotationsOf(report: SessionReport, options: AnnotationOptions): Annotation[] {
  const { fallback } = options;
  const place = { path: fallback.path, startLine: fallback.line, endLine: fallback.line };
  const all: Annotation[] = [];
  const fault = faultOf(report);
  if (fault !== undefined)
    all.push({
      ...place,
      level: 'failure',
      title: 'agent-sandbox: the session failed',
      message: cut([fault.text, fault.detail].filter((part) => part !== '').join('\n')),
    });
  for (const enforced of [true, false])
    for (const denials of report.denials.filter((one) => one.enforced === enforced))
      all.push({ ...(placeOf(denials, report) ?? place), ...describe(denials, report) });
  if (all.length <= MAX_ANNOTATIONS) return all;
  const left = all.length - (MAX_ANNOTATIONS - 1);
  return [...all.slice(0, MAX_ANNOTATIONS - 1), { ...place, ...more(left) }];
}

/** The line of a rule of the repository's own policy: any other file is none that a pull request could show. */
function placeOf(
  { rule }: RuleDenials,
  { layers }: SessionReport,
): Pick<Annotation, 'path' | 'startLine' | 'endLine'> | undefined {
  const isLoaded = layers.some(({ layer, file }) => layer === 'repo' && file === rule.file);
  if (rule.layer !== 'repo' || rule.line < 1 || !isLoaded || !isRelative(rule.file))
    return undefined;
  return { path: rule.file, startLine: rule.line, endLine: rule.line };
}

/** A path within a repository, as git writes it. */
function isRelative(path: string): boolean {
  if (path.length > 255 || !/^[\x21-\x5b\x5d-\x7e]/.test(path) || path.includes('\\')) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function describe(
  denials: RuleDenials,
  { layers }: SessionReport,
): Pick<Annotation, 'level' | 'title' | 'message'> {
  const { surface, rule, enforced, reason, count, requests: all } = denials;
  const word = enforced ? 'denied' : 'would have been denied';
  const shown = all.slice(0, MAX_SAMPLES);
  const left = count - shown.reduce((sum, one) => sum + one.count, 0);
  const lines = [
    `${rule.id}${reason === '' ? '' : `: ${reason}`}`,
    ...shown.map(({ request, count: times }) => {
      const text = visible(request, 300);
      return `  ${text}${times > 1 ? ` (${formatCount(times)} times)` : ''}`;
    }),
    ...(left > 0 ? [`  and ${formatCount(left)} more`] : []),
    remedyLine(remedyOf(denials, layers), (text) => text),
  ];
  return {
    level: enforced ? 'failure' : 'warning',
    title: visible(`${requests(count)} ${word} (${surfaceName(surface)})`, MAX_TITLE - 1),
    message: cut(lines.join('\n')),
  };
}

function more(left: number): Pick<Annotation, 'level' | 'title' | 'message'> {
  return {
    level: 'warning',
    title: `${formatCount(left)} more rules denied requests`,
    message: 'The report of the session has all of them.',
  };
}

function cut(text: string): string {
  return text.length <= MAX_MESSAGE
    ? text
    : `${text.slice(0, MAX_MESSAGE).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Annotations as the API takes them: at most 50 in one request. */
export function batches(annotations: readonly Annotation[]): Annotation[][] {
  return Array.from({ length: Math.ceil(annotations.length / BATCH) }, (_, i) =>
    annotations.slice(i * BATCH, (i + 1) * BATCH),
  );
}
