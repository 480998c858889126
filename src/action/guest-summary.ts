// The command's own Markdown in the summary of the job: shown, and never taken for ours. Each line of it is in a quotation, which no
// Markdown ends from inside, and no HTML is left that could.

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
    .map((line) => `> ${line.replaceAll('<', '&lt;')}`);
  const cut = '\n\n_The rest is left out: it is too long._\n';
  let text = head;
  for (const line of lines) {
    if (Buffer.byteLength(text) + Buffer.byteLength(line) + cut.length > most)
      return `${text}${cut}`;
    text += `${line}\n`;
  }
  return text;
}
