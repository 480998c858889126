// What a guest can ask for. One shape per kind, already canonical: enforcement points build these, `decide` reads them.

/** The five surfaces of a policy, as named in decision records. */
export type Surface = 'network' | 'filesystem' | 'execution' | 'credentials' | 'mcp';

/**
 * A canonical request.
 * - `host`: lower-case IDNA name without trailing dot, or an address literal (IPv6 without brackets, compressed form).
 * - `path` of a file: absolute, normalised, after links are resolved. Bytes that are not UTF-8 appear as lone
 *   surrogates U+DC80..U+DCFF (byte + 0xDC00), so that two different names never look alike.
 * - `path` of a URL: canonical, starting with `/`, without query.
 */
export type Request =
  | {
      kind: 'http';
      method: string;
      scheme: 'http' | 'https';
      host: string;
      port: number;
      path: string;
    }
  /** a TCP connection, or datagrams to and from one address and port */
  | { kind: 'connect'; host: string; port: number; protocol?: 'udp' }
  | { kind: 'resolve'; name: string }
  | { kind: 'read'; path: string }
  /** `directory`: the path is or becomes a directory (mkdir, rmdir, rename of one); absent counts as a file */
  | { kind: 'write'; path: string; directory?: boolean }
  | { kind: 'exec'; path: string }
  | { kind: 'mint'; id: string }
  /** without `arguments`: whether there are any with which it may be called; a call without any has `{}` */
  | { kind: 'tool'; server: string; tool: string; arguments?: unknown }
  | { kind: 'resource'; server: string; uri: string }
  /** without `arguments`: whether there are any with which it may be had */
  | { kind: 'prompt'; server: string; name: string; arguments?: unknown }
  /** something else that the protocol can do between the agent and a tool server */
  | { kind: 'feature'; server: string; name: string };

export type RequestKind = Request['kind'];

export function surfaceOf(request: Request): Surface {
  switch (request.kind) {
    case 'http':
    case 'connect':
    case 'resolve':
      return 'network';
    case 'read':
    case 'write':
      return 'filesystem';
    case 'exec':
      return 'execution';
    case 'mint':
      return 'credentials';
    case 'tool':
    case 'resource':
    case 'prompt':
    case 'feature':
      return 'mcp';
  }
}
