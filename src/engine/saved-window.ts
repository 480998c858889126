// Makes a saved state fit a new machine's window. With `x-ignore-shared` QEMU leaves out of the state what is in files, but
// notes for each such block its address in the guest, and a machine that loads the state must have it there already
// ("Mismatched GPAs"). The window is a PCI device's memory, which has no address (0) before the state says so.

/** QEMU's migration stream (migration/ram.c, ram_save_setup): u8 length, name, u64 size, u64 address, all big-endian. */
const NAME = /[^][0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\/window/g;

/**
 * Takes the address of the window's block, of `size` bytes, out of `state`, in place. Throws when it is not there exactly
 * once: such a state would not load.
 */
export function forgetWindowAddress(state: Buffer, size: number): void {
  const text = state.toString('latin1');
  const blocks = [...text.matchAll(NAME)].flatMap(({ 0: found, index }) => {
    const end = index + found.length;
    const isBlock = found.charCodeAt(0) === found.length - 1 && end + 16 <= state.length;
    return isBlock && state.readBigUInt64BE(end) === BigInt(size) ? [end + 8] : [];
  });
  const [address] = blocks;
  if (address === undefined || blocks.length > 1)
    throw new Error(`the saved state names the window ${blocks.length} times instead of once`);
  state.writeBigUInt64BE(0n, address);
}
