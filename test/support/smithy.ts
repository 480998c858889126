// The vendor's own signer, with the hashes of Node.
import { createHash, createHmac } from 'node:crypto';
import type { Hash, Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

type Bytes = string | ArrayBuffer | ArrayBufferView;

class Sha256 {
  readonly #make: () => Hash | Hmac;
  #hash: Hash | Hmac;

  constructor(secret?: Bytes) {
    this.#make = () =>
      secret === undefined ? createHash('sha256') : createHmac('sha256', toBuffer(secret));
    this.#hash = this.#make();
  }

  update(data: Bytes): void {
    this.#hash.update(toBuffer(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }

  reset(): void {
    this.#hash = this.#make();
  }
}

function toBuffer(data: Bytes): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data);
}

export function createSmithySigner(options: {
  service: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** `x-amz-content-sha256` as a header of its own */
  hasChecksum?: boolean;
}): SignatureV4 {
  const { hasChecksum = true, ...rest } = options;
  return new SignatureV4({
    ...rest,
    sha256: Sha256,
    uriEscapePath: options.service !== 's3',
    applyChecksum: hasChecksum,
  });
}
