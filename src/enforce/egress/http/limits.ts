// What one inspected connection may cost the host.

export interface HttpLimits {
  /** bytes of a request's or response's header section */
  headerBytes: number;
  /** fields of a header section */
  headerCount: number;
  /** milliseconds from the first byte of a header section, or of a client hello, to its end; for a server's TLS handshake */
  headerTime: number;
  /** milliseconds for the guest's side of a TLS handshake: an interpreter in an emulated machine needs some seconds of its own */
  handshakeTime: number;
  /** milliseconds without a request, or without a first byte */
  keepAlive: number;
  /** milliseconds that an upload of declared length may stand still */
  bodyIdle: number;
  /** milliseconds without a byte either way while a request is open */
  exchangeIdle: number;
  /** requests at once on one connection */
  requests: number;
  /** requests that one connection may take back before the answer, beyond those it lets finish */
  resets: number;
  /** milliseconds to read on, and bytes to throw away, of a body that nobody wants any more */
  linger: number;
  lingerBytes: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  headerBytes: 32 * 1024,
  headerCount: 200,
  headerTime: 15_000,
  handshakeTime: 60_000,
  keepAlive: 120_000,
  bodyIdle: 120_000,
  exchangeIdle: 3_600_000,
  requests: 100,
  resets: 200,
  linger: 2000,
  lingerBytes: 1024 * 1024,
};
