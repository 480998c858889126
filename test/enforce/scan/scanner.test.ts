import { describe, expect, it } from 'vitest';

import { createScanner } from '../../../src/enforce/scan/scanner.ts';
import { scrubText } from '../../../src/enforce/scan/scrub.ts';
import { Secret } from '../../../src/model/secret.ts';

const live = (
  value: string,
  credential = 'gh',
): Parameters<ReturnType<typeof createScanner>['add']>[0] => ({
  credential,
  secret: new Secret(value),
  replacement: 'PLACEHOLDER',
});

describe('scanner', () => {
  it.each(['', '1234567', 'x'.repeat(16 * 1024 + 1)])(
    'takes no value that it could not look for',
    (value) => {
      expect(() => createScanner().add(live(value))).toThrow(
        expect.objectContaining({ code: 'CREDENTIAL_VALUE_LENGTH' }) as Error,
      );
    },
  );

  it('never says the value', () => {
    expect(() => createScanner().add(live('tiny-va'))).not.toThrow(/tiny/);
  });

  it.each(['', 'a b', 'a\r\nb', '\u00e4'])(
    'takes no placeholder that would change what it stands in',
    (replacement) => {
      expect(() => createScanner().add({ ...live('12345678'), replacement })).toThrow(
        expect.objectContaining({ code: 'CREDENTIAL_REPLACEMENT' }) as Error,
      );
    },
  );

  it('finds a value from when it is added until it is removed, beside the one before it', () => {
    const scanner = createScanner();
    const both = 'old-secret new-secret';
    scanner.add(live('old-secret'));
    expect(scrubText(scanner, both).text).toBe('PLACEHOLDER new-secret');
    scanner.add(live('new-secret'));
    expect(scrubText(scanner, both).text).toBe('PLACEHOLDER PLACEHOLDER');
    scanner.remove('gh', new Secret('old-secret'));
    expect(scrubText(scanner, both).text).toBe('old-secret PLACEHOLDER');
    scanner.remove('gh', new Secret('new-secret'));
    expect(scrubText(scanner, both)).toEqual({ text: both, hits: [] });
  });

  it('keeps a value that two credentials share until both are gone', () => {
    const scanner = createScanner();
    scanner.add(live('same-secret', 'a'));
    scanner.add(live('same-secret', 'b'));
    expect(scrubText(scanner, 'same-secret').hits).toEqual([
      { credential: 'a', form: 'raw', count: 1 },
    ]);
    scanner.remove('a', new Secret('same-secret'));
    expect(scrubText(scanner, 'same-secret').hits).toEqual([
      { credential: 'b', form: 'raw', count: 1 },
    ]);
  });

  it('looks for a value until all who use it are done: one minted anew may be the same', () => {
    const scanner = createScanner();
    const value = 'RSEC_same_after_its_refresh';
    scanner.add(live(value));
    scanner.add(live(value));
    scanner.remove('gh', new Secret(value));
    expect(scrubText(scanner, value).text).toBe('PLACEHOLDER');
    scanner.remove('gh', new Secret(value));
    scanner.remove('gh', new Secret(value));
    expect(scrubText(scanner, value).text).toBe(value);
    scanner.add(live(value));
    expect(scrubText(scanner, value).text).toBe('PLACEHOLDER');
  });
});
