// Shows a diagnostic to people: place, message, the source line and a caret under the fault. Nothing of the source reaches
// the terminal raw.
import type { Diagnostic } from '../model/diagnostic.ts';

const CONTROL =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Makes every character that would not show, or would move the cursor, visible. */
export function showControls(text: string): string {
  return text.replace(CONTROL, (char) => {
    const code = char.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
}

/** `file:line:column: error: message [code]`, then the line with a caret, then what to write instead. */
export function renderDiagnostic(diagnostic: Diagnostic, source: string | undefined): string {
  const { file, span, severity, message, code, help } = diagnostic;
  const lines = [
    `${showControls(file)}:${span.line}:${span.column}: ${severity}: ${showControls(message)} [${code}]`,
  ];
  const line = source === undefined ? undefined : lineOf(source, span.line);
  if (line !== undefined && line.trim() !== '') {
    // A long line is cut around the fault: a policy may be one line of 256 KiB.
    const from = Math.max(0, span.column - 1 - 60);
    const shown = line.slice(from, from + 120);
    const before = showControls(shown.slice(0, span.column - 1 - from));
    const marked = shown.slice(span.column - 1 - from, span.column - 1 - from + span.length);
    const gutter = String(span.line);
    lines.push(`  ${gutter} | ${before}${showControls(shown.slice(span.column - 1 - from))}`);
    lines.push(
      `  ${' '.repeat(gutter.length)} | ${' '.repeat(before.length)}${'^'.repeat(Math.max(1, showControls(marked).length))}`,
    );
  }
  if (help !== undefined) lines.push(`  help: ${showControls(help)}`);
  return lines.join('\n');
}

/** A line of a text, from 1, without its end. */
function lineOf(source: string, line: number): string | undefined {
  let start = 0;
  for (let i = 1; i < line; i++) {
    const end = source.indexOf('\n', start);
    if (end < 0) return undefined;
    start = end + 1;
  }
  const end = source.indexOf('\n', start);
  return source.slice(start, end < 0 ? undefined : end).replace(/\r$/, '');
}

/** All diagnostics in the order of their places. */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  texts: Readonly<Record<string, string>>,
): string {
  return sortDiagnostics(diagnostics)
    .map((diagnostic) => renderDiagnostic(diagnostic, texts[diagnostic.file]))
    .join('\n');
}

export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      a.span.line - b.span.line ||
      a.span.column - b.span.column,
  );
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error');
}
