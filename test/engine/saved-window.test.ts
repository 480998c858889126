import { expect, it } from 'vitest';
import { forgetWindowAddress } from '../../src/engine/saved-window.ts';

const SIZE = 8 * 1024 * 1024;

/** A block of RAM as QEMU's migration stream names it. */
function block(name: string, size: number, address: bigint): Buffer {
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(size), 0);
  numbers.writeBigUInt64BE(address, 8);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), numbers]);
}

const others = [
  block('memory', 1024 * 1024 * 1024, 0n),
  block('pc.bios', 256 * 1024, 0xfffc_0000n),
  // The same name with another size is no block of ours.
  block('0000:00:02.0/window', 4096, 77n),
];

it('takes the address of the window out of a saved state, and changes nothing else', () => {
  const state = Buffer.concat([
    ...others,
    block('0000:00:02.0/window', SIZE, 0xfe00_0000n),
    Buffer.alloc(99, 7),
  ]);
  const expected = Buffer.concat([
    ...others,
    block('0000:00:02.0/window', SIZE, 0n),
    Buffer.alloc(99, 7),
  ]);
  forgetWindowAddress(state, SIZE);
  expect(state.equals(expected)).toBe(true);
});

it.each([
  ['has none', others],
  ['has two', [block('0000:00:02.0/window', SIZE, 1n), block('0000:00:03.0/window', SIZE, 2n)]],
  ['is cut in its middle', [block('0000:00:02.0/window', SIZE, 1n).subarray(0, -1)]],
  [
    'has a name of another length',
    [Buffer.concat([Buffer.from([9]), others[0] ?? Buffer.alloc(0)])],
  ],
])('refuses a state that %s', (_name, parts) => {
  const state = Buffer.concat(parts);
  const before = Buffer.from(state);
  expect(() => forgetWindowAddress(state, SIZE)).toThrow(/names the window \d times/);
  expect(state.equals(before)).toBe(true);
});
