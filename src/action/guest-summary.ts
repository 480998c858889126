// The command's own Markdown in the summary of the job: shown, and never taken for ours. Each line of it is in a quotation, which no
// Markdown ends from inside, and no HTML is left that could. What stands in a quotation and counts for the whole document, the target of
// a link and a footnote, is text here: ours has words in brackets, too. So is what GitHub draws as an alert, which is our verdict's form.
// https://spec.commonmark.org/0.31.2/#link-reference-definitions

/** `most`: bytes that it may take. */
export function quotedSummary(markdown: string, most: number): string {
  if (markdown.trim() === '') return '';
  const head = '\n---\n\n**Written by the command in the sandbox** (not by agent-sandbox):\n\n';
  const lines = markdown
    .replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      '',
    )
    .split('\n')
    .map((line) => `> ${plain(line)}\n`);
  const cut = '\n\n_The rest is left out: it is too long._\n';
  const kept = [head];
  let room = most - Buffer.byteLength(head) - cut.length;
  for (const line of lines) {
    room -= Buffer.byteLength(line);
    if (room < 0) return `${kept.join('')}${cut}`;
    kept.push(line);
  }
  return kept.join('');
}

const plain = (line: string): string =>
  line
    .replaceAll('<', '&lt;')
    .replaceAll(']:', ']\\:')
    .replace(/\[!(?=[A-Za-z])/g, '\\[!');
