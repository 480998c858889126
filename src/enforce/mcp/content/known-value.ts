// One live value.

export interface KnownValue {
  credential: string;
  /** the value itself: never leaves this folder but through an HMAC */
  value: Buffer;
}
