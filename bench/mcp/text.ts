// Text of any length as tools give it: words, numbers, names of files. Every search finds something to look at, and nothing to report.

const LINES = [
  'src/session/start.ts:42: the session ended after 1,204 ms with exit code 0 (see the log for the reason)\n',
  '{"id": 90210, "name": "a user", "email": "user@example.com", "active": true, "score": 12.5}\n',
  'commit 4f1d0c2b9e8a7d6c5b4a39281706f5e4d3c2b1a0 fixes the reading of long lines; closes #118\n',
  'The quick brown fox jumps over the lazy dog, again and again, until the paragraph is long enough.\n',
];

export function textOf(length: number): string {
  const all = LINES.join('');
  return all.repeat(Math.ceil(length / all.length)).slice(0, length);
}
