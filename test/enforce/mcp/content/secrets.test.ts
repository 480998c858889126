import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import type { Json, JsonObject } from '../../../../src/model/credential.ts';
import { CANARY, detectors, rig, textResult } from './support.ts';

const bytes = Buffer.from(CANARY);
const percent = [...bytes].map((byte) => `%${byte.toString(16)}`).join('');

/** RS4 of the case list. */
const FORMS: [string, string][] = [
  ['as it is', CANARY],
  ['base64, first alignment', bytes.toString('base64')],
  ['base64, second alignment', Buffer.from(`a${CANARY}bc`).toString('base64')],
  ['base64, third alignment', Buffer.from(`ab${CANARY}c`).toString('base64')],
  ['base64url', Buffer.from(`??>${CANARY}~~`).toString('base64url')],
  ['hex', bytes.toString('hex')],
  ['upper-case hex', bytes.toString('hex').toUpperCase()],
  ['hex with \\x', [...bytes].map((byte) => `\\x${byte.toString(16)}`).join('')],
  ['hex with colons', bytes.toString('hex').replace(/..(?=.)/g, '$&:')],
  ['percent-encoded', percent],
  ['percent-encoded twice', encodeURIComponent(percent)],
  ['reversed', [...CANARY].reverse().join('')],
  ['upper-cased', CANARY.toUpperCase()],
  ['gzip in base64', gzipSync(`{"token":"${CANARY}"}`).toString('base64')],
  ['UTF-16LE in base64', Buffer.from(CANARY, 'utf16le').toString('base64')],
  ['JSON escapes', [...CANARY].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')],
  ['character references', [...bytes].map((byte) => `&#${byte};`).join('')],
  ['spaced out', [...CANARY].join(' ')],
  ['zero-width between', [...CANARY].join('\u200b')],
  ['full width', CANARY.replace(/\w/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0))],
  ['Cyrillic look-alikes', CANARY.replace(/A/g, '\u0410').replace(/e/g, '\u0435')],
  ['over lines', CANARY.replace(/.{5}/g, '$&\n')],
];

const GITHUB = `ghp_${'Ab1'.repeat(12)}`;
/** Built here, so that no scanner of sources takes this file for a leak. */
const SECRETS: [string, string][] = [
  ['github-token', GITHUB],
  ['aws-access-key', `AKIA${'QRSTUVWXYZ234567'}`],
  ['anthropic-key', `sk-ant-api03-${'aB3_'.repeat(12)}`],
  ['openai-key', `sk-proj-${'aB3_'.repeat(12)}`],
  ['slack-token', `xoxb-${'123456789012'}-${'abcdefABCDEF'}`],
  ['google-api-key', `AIza${'SyA-1bcdefg'.padEnd(35, 'x1Y_')}`],
  ['npm-token', `npm_${'a1B2'.repeat(9)}`],
  [
    'private-key',
    `-----BEGIN RSA PRIVATE KEY-----\nMIIE${'ab/+'.repeat(20)}\n-----END RSA PRIVATE KEY-----`,
  ],
  [
    'jwt',
    `eyJ${'hbGciOiJIUzI1NiJ9'}.eyJ${'zdWIiOiIxMjM0NTY3ODkwIn0'}.${'dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P'}`,
  ],
  ['url-password', 'postgres://app:hunter2hunter2@db.example.com/x'],
];

function passed(
  content: ReturnType<typeof rig>['content'],
  message: Json,
): { text: string; found: string[] } {
  const reading = content.incoming('files', message, {});
  if (reading.action !== 'pass') throw new Error(reading.reason);
  return { text: JSON.stringify(reading.value), found: detectors(reading.findings) };
}

describe('secrets in results', () => {
  it.each(FORMS)('RS4 takes a live value out: %s', (_name, form) => {
    const { text, found } = passed(rig().content, textResult(`before ${form} behind`));
    expect(found).toContain('known-secret');
    expect(text).toMatch(/\[REDACTED:known-secret:[0-9a-f]{8}\]/);
    // Nothing of it is left that folds to more than the edge of its base64.
    expect(text).not.toContain(form.slice(4, 12));
    expect(text).toContain('before');
    expect(text).toContain('behind');
  });

  it.each(SECRETS)('RS4 takes out what looks like a secret: %s', (detector, secret) => {
    const { text, found } = passed(rig().content, textResult(`key: ${secret} .`));
    expect(found).toContain(detector);
    expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(text).toContain(`[REDACTED:${detector}:`);
  });

  it.each(['base64', 'hex'] as const)('RS4 finds one level of %s around it', (coding) => {
    const hidden = Buffer.from(`token ${GITHUB} end`).toString(coding);
    expect(passed(rig().content, textResult(`x ${hidden} y`)).text).not.toContain(hidden);
    const percented = encodeURIComponent(`"${GITHUB}"`).replace('_', '%5F');
    expect(passed(rig().content, textResult(`x ${percented} y`)).found).toContain('github-token');
  });

  it('RS5 finds a value cut over two blocks, and in text and structured content', () => {
    const [a, b] = [CANARY.slice(0, 11), CANARY.slice(11)];
    for (const message of [
      textResult(`one ${a}`, `${b} two`),
      { content: [{ text: `note ${a}`, type: 'text' }], structuredContent: { rest: b } },
      textResult(`${a} and much between `, `then ${b}`),
      textResult(`${[...a].join(' ')}`, `${[...b].join('\u200b')}`),
    ] as Json[]) {
      const { text, found } = passed(rig().content, message);
      expect(found).toContain('known-secret');
      expect(text).not.toContain(b);
    }
  });

  it('RS5 never lets the end of a value follow in a later result', () => {
    const { content, clock } = rig();
    const [a, b] = [CANARY.slice(0, 11), CANARY.slice(11)];
    expect(passed(content, textResult(`first ${a}`)).text).toContain(a);
    clock.now += 5_000;
    const { text, found } = passed(content, textResult(`then ${b}`));
    expect(found).toContain('known-secret');
    expect(text).not.toContain(b);
  });

  it('RS5 forgets pieces after ten minutes', () => {
    const { content, clock } = rig();
    const [a, b] = [CANARY.slice(0, 11), CANARY.slice(11)];
    passed(content, textResult(`first ${a}`));
    clock.now += 11 * 60_000;
    expect(passed(content, textResult(`then ${b}`)).text).toContain(b);
  });

  it('RS7 looks into text and structured content alike', () => {
    for (const message of [
      { content: [{ type: 'text', text: CANARY }], structuredContent: { a: 'x' } },
      { content: [{ type: 'text', text: 'x' }], structuredContent: { a: { [CANARY]: 'k' } } },
    ] as Json[])
      expect(passed(rig().content, message).text).not.toContain(CANARY);
  });

  it('BP4 reads prompts like results', () => {
    const message = {
      messages: [
        {
          role: 'user',
          content: { type: 'resource', resource: { uri: 'file:///x', text: GITHUB } },
        },
      ],
    };
    expect(passed(rig().content, message).text).not.toContain(GITHUB);
  });

  it('RS13 reads errors in the same way, and leaves their shape', () => {
    const message = {
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32000, message: 'no', data: { at: CANARY } },
    };
    const reading = rig().content.incoming('files', message, {});
    expect(reading).toMatchObject({
      action: 'pass',
      value: { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'no' } },
    });
    expect(JSON.stringify(reading)).not.toContain(CANARY);
  });

  it('RS14 lets through what an allowed fingerprint names, and never a live value', async () => {
    const { createHash } = await import('node:crypto');
    const digest = (text: string): string =>
      `sha256:${createHash('sha256').update(text).digest('hex')}`;
    const source = `const KEY = '${GITHUB}';\n`.padEnd(300_000, 'let x = 1;\n');
    const { content } = rig({ allowed: [digest(GITHUB), digest(CANARY)] });
    expect(passed(content, textResult(source)).text).toContain(GITHUB);
    expect(passed(content, textResult(CANARY)).text).not.toContain(CANARY);
    const other = GITHUB.replace('A', 'B');
    expect(passed(content, textResult(other)).text).not.toContain(other);
  });

  it.each([
    ['block', 'block', false],
    ['report', 'pass', true],
  ] as const)('does as `results: %s` says', (results, action, isLeft) => {
    const { content } = rig({ secrets: { arguments: 'block', results } });
    const reading = content.incoming('files', textResult(`x ${CANARY}`), {});
    expect(reading.action).toBe(action);
    expect(JSON.stringify(reading).includes(CANARY)).toBe(isLeft);
    expect(detectors(reading.findings)).toEqual(['known-secret']);
  });

  it('AU2 says where and what kind, and nothing of the value', () => {
    const { content } = rig();
    const reading = content.incoming('files', textResult(`x ${CANARY} ${GITHUB}`), {});
    const told = JSON.stringify(reading.findings);
    expect(told).not.toContain(CANARY.slice(0, 8));
    expect(told).not.toContain(GITHUB.slice(4, 12));
    for (const finding of reading.findings)
      expect(finding).toEqual({
        detector: expect.stringMatching(/^(known-secret|github-token)$/) as string,
        place: 'content[0].text',
        fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
      });
    const other = rig({ key: Buffer.alloc(32, 8) }).content.incoming(
      'files',
      textResult(CANARY),
      {},
    );
    expect(other.findings[0]?.fingerprint).not.toBe(reading.findings[0]?.fingerprint);
  });

  it('finds the value of a credential that was added while it ran', async () => {
    const { createScanner } = await import('../../../../src/enforce/scan/scanner.ts');
    const { Secret } = await import('../../../../src/model/secret.ts');
    const scanner = createScanner();
    const { content } = rig({ known: scanner });
    expect(passed(content, textResult(CANARY)).text).toContain(CANARY);
    const secret = new Secret(CANARY);
    scanner.add({ credential: 'gh', secret, replacement: 'P' });
    expect(passed(content, textResult(CANARY)).text).not.toContain(CANARY);
    scanner.remove('gh', secret);
    expect(passed(content, textResult(CANARY)).text).toContain(CANARY);
  });

  it('finds a value of letters alone only as it is written', () => {
    const { content } = rig({}, ['correcthorse']);
    expect(passed(content, textResult('a correcthorse b')).text).not.toContain('correcthorse');
    expect(passed(content, textResult('correct horse')).text).toContain('correct horse');
  });
});

describe('secrets in what an agent sends', () => {
  const call = (args: JsonObject): JsonObject => ({ name: 'create_issue', arguments: args });
  const isBlocked = (content: ReturnType<typeof rig>['content'], params: JsonObject): boolean =>
    content.outgoing('gh', params).action === 'block';

  it.each([...FORMS, ...SECRETS])('EX1 EX2 refuses a call with it: %s', (_name, secret) => {
    const { content } = rig();
    const reading = content.outgoing('gh', call({ body: `see ${secret}` }));
    expect(reading).toMatchObject({ action: 'block' });
    // The refusal is the same for all: it helps nobody to try.
    expect(reading).toHaveProperty('reason', 'the message holds something that may not leave');
    expect(isBlocked(content, call({ body: 'nothing of the kind' }))).toBe(false);
  });

  it('EX4 refuses the call that completes a value, over three calls and with words between', () => {
    const { content, clock } = rig();
    const pieces = [CANARY.slice(0, 8), CANARY.slice(8, 16), CANARY.slice(15)];
    const answers = pieces.map((piece) => {
      clock.now += 60_000;
      return isBlocked(content, call({ title: 'a title', body: `part of it ${piece} and so on` }));
    });
    expect(answers).toEqual([false, false, true]);
  });

  it('EX4 refuses what was sent in small pieces in one field', () => {
    const { content } = rig();
    const pieces = CANARY.match(/.{1,3}/g) ?? [];
    const answers = pieces.map((piece) => isBlocked(content, call({ body: piece, title: 't' })));
    expect(answers.at(-1)).toBe(true);
    expect(answers.slice(0, -1)).not.toContain(true);
  });

  it('EX4 keeps servers apart', () => {
    const { content } = rig();
    expect(isBlocked(content, call({ body: CANARY.slice(0, 12) }))).toBe(false);
    expect(content.outgoing('web', call({ body: CANARY.slice(12) })).action).toBe('pass');
  });

  it.each([
    ['path', { name: 'read', arguments: { path: `/workspace/${CANARY}` } }],
    ['tool name', { name: CANARY }],
    ['URI', { uri: `file:///${CANARY}` }],
    ['prompt argument', { name: 'p', arguments: { topic: CANARY } }],
    [
      'completion value',
      { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: CANARY } },
    ],
    ['cursor', { cursor: Buffer.from(CANARY).toString('base64') }],
    ['client name', { clientInfo: { name: CANARY, version: '1' } }],
    ['progress token', { name: 'a', _meta: { progressToken: CANARY } }],
    ['trace header', { name: 'a', _meta: { traceparent: '00', baggage: `a=${CANARY}` } }],
    ['key of an argument', { name: 'a', arguments: { [CANARY]: 1 } }],
    ['protocol word', { name: 'a', arguments: { type: CANARY } }],
  ] as [string, JsonObject][])('EX5 finds it in the %s', (_name, params) => {
    expect(isBlocked(rig().content, params)).toBe(true);
  });

  it('EX8 tells of what nobody can read, and refuses it where a bound is set', () => {
    const blob = Buffer.from(
      Array.from({ length: 4096 }, (_, at) => (at * 197 + (at >> 3) * 89) & 255),
    );
    const params = call({ body: blob.toString('base64') });
    const told = rig().content.outgoing('gh', params);
    expect(told.action).toBe('pass');
    expect(detectors(told.findings)).toEqual(['opaque']);
    expect(isBlocked(rig({ maxOpaque: 1024 }).content, params)).toBe(true);
    expect(isBlocked(rig({ maxOpaque: 1024 }).content, call({ body: 'word '.repeat(2000) }))).toBe(
      false,
    );
  });

  it('passes what it read unchanged, and under `report` what it found as well', () => {
    const params = call({ body: `x ${CANARY}`, paths: ['/workspace/a..b/c', '日本語 👩‍👩‍👧'] });
    const reading = rig({ secrets: { arguments: 'report', results: 'redact' } }).content.outgoing(
      'gh',
      params,
    );
    expect(reading).toMatchObject({ action: 'pass' });
    expect(reading.action === 'pass' && reading.value).toBe(params);
    expect(detectors(reading.findings)).toEqual(['known-secret']);
  });
});
