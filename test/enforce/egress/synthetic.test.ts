import { describe, expect, it } from 'vitest';

import { createSyntheticAddresses, isSynthetic } from '../../../src/enforce/egress/synthetic.ts';

describe('synthetic addresses', () => {
  it('gives a name one address for the whole session, and the name back', () => {
    const addresses = createSyntheticAddresses();
    const first = addresses.addressOf('a.test');
    expect(first).toBe('198.18.0.3');
    expect(addresses.addressOf('b.test')).toBe('198.18.0.4');
    expect(addresses.addressOf('a.test')).toBe(first);
    expect(addresses.nameOf('198.18.0.3')).toBe('a.test');
    expect(addresses.nameOf('198.18.0.4')).toBe('b.test');
  });

  it('knows no name for addresses never given out, reserved or foreign', () => {
    const addresses = createSyntheticAddresses();
    addresses.addressOf('a.test');
    for (const address of [
      '198.18.0.0',
      '198.18.0.1',
      '198.18.0.4',
      '198.19.255.255',
      '198.20.0.2',
      '10.18.0.2',
      '198.18.0.3.',
      '',
    ]) {
      expect(addresses.nameOf(address), address).toBeUndefined();
    }
  });

  it('fills all of 198.18.0.0/15 with different addresses and then says no', () => {
    const addresses = createSyntheticAddresses();
    const seen = new Set<string>();
    for (let index = 0; index < 131_069; index++)
      seen.add(addresses.addressOf(`n${index}.test`) ?? '');
    expect(seen.size).toBe(131_069);
    expect([...seen].every(isSynthetic)).toBe(true);
    expect(seen.has('198.19.255.255')).toBe(true);
    expect(addresses.addressOf('one-more.test')).toBeUndefined();
    expect(addresses.addressOf('n5.test')).toBe('198.18.0.8');
    expect(addresses.nameOf('198.19.255.255')).toBe('n131068.test');
  });
});
