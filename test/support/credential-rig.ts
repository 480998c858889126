// Credentials on real connections of the loopback: a policy as text, what mints, a guest's TLS, and an origin that tells what it got.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import tls from 'node:tls';

import { createCredentials } from '../../src/enforce/credential/credentials.ts';
import type { Credentials } from '../../src/enforce/credential/credentials.ts';
import { encodingsOf } from '../../src/enforce/scan/encodings.ts';
import type { GrantedCredential } from '../../src/model/policy.ts';
import { Secret } from '../../src/model/secret.ts';
import type { Minted, Revocation } from '../../src/provider/provider.ts';
import type { ResolveInput } from '../../src/policy/resolve.ts';
import { policyOf } from '../policy/support.ts';
import type { Texts } from '../policy/support.ts';
import { createCertificate } from './certificate.ts';
import type { TestCertificate } from './certificate.ts';
import { createRig } from './egress-rig.ts';
import type { Rig, RigOptions } from './egress-rig.ts';

/** What a real value looks like in these tests: nothing else has this marker. */
export const CANARY = 'RSEC_0d4f7b1e9a6c8352fe71b0c9d8a7e6f5';

export interface Got {
  host: string;
  method: string;
  url: string;
  /** raw header lines, as they came */
  headers: string[];
  body: Buffer;
}

export interface CredentialRigOptions {
  /** a policy of the repo layer, without `version` */
  policy: string;
  /** in place of `policy` */
  layers?: Texts;
  resolve?: Partial<ResolveInput>;
  /** names that the origin serves */
  hosts?: [string, ...string[]];
  origin?: (request: http.IncomingMessage, response: http.ServerResponse, body: Buffer) => void;
  mint?: (credential: GrantedCredential) => Promise<Minted>;
  revoke?: (revocation: Revocation) => Promise<'revoked' | 'failed'>;
  now?: () => number;
  /** requests are judged and carried as where no policy speaks of credentials */
  isBare?: boolean;
  /** what the host's resolver says; absent: one public address for each of `hosts` */
  addresses?: NonNullable<RigOptions['hosts']>;
  /** what the origin shows in place of a good certificate */
  certificate?: TestCertificate;
  /** in place of HTTP: what the origin does with a connection beneath TLS */
  rawOrigin?: (socket: Socket) => void;
}

export interface CredentialRig {
  rig: Rig;
  credentials: Credentials;
  /** the guest's variables */
  env: Record<string, string>;
  /** what reached the origin */
  got: Got[];
  minted: string[];
  revoked: string[];
  remembered: Set<string>;
  /** Sends bytes to a host over TLS, `port` 443, and gives all that comes back. */
  send(host: string, text: string | Buffer, port?: number): Promise<string>;
  /** A request with `connection: close`. */
  ask(
    this: void,
    host: string,
    target: string,
    options?: { method?: string; headers?: Record<string, string>; body?: string | Buffer },
  ): Promise<{ status: number; head: string; body: string }>;
  /** The same in HTTP/2; `body` in the DATA frames it is given in. */
  askH2(
    this: void,
    host: string,
    target: string,
    options?: { method?: string; headers?: Record<string, string>; body?: Buffer[] },
  ): Promise<{ status: number; head: string; body: string; trailers: string }>;
  ofType(type: string): Record<string, unknown>[];
  /** In which forms the real value is in records, answers or the guest's variables; none, where all is well. */
  leaks(): string[];
  close(): Promise<void>;
}

const ADDRESS = '93.184.216.34';

export async function createCredentialRig(options: CredentialRigOptions): Promise<CredentialRig> {
  const hosts = options.hosts ?? ['cred.test', 'echo.test'];
  const certificate = createCertificate(hosts);
  const shown = options.certificate ?? certificate;
  const answers: string[] = [];
  const got: Got[] = [];
  const minted: string[] = [];
  const revoked: string[] = [];
  const remembered = new Set<string>();
  const policy = policyOf(options.layers ?? [['repo', options.policy]], options.resolve);
  let credentials: Credentials | undefined;
  const rig = await createRig({
    policy,
    ca: [certificate.cert],
    hosts: options.addresses ?? Object.fromEntries(hosts.map((host) => [host, [ADDRESS]])),
    injectorOf: (point) => {
      credentials = createCredentials({
        point,
        credentials: policy.credentials,
        mint: async (credential) => {
          minted.push(credential.id);
          return (options.mint ?? mintCanary)(credential);
        },
        revoke: async (revocation) => {
          revoked.push(revocation.url);
          return options.revoke?.(revocation) ?? 'revoked';
        },
        remember: (credential) => {
          remembered.add(credential.id);
          return { remove: () => void remembered.delete(credential.id) };
        },
        random: randomBytes,
        now: options.now ?? Date.now,
      });
      return options.isBare === true ? undefined : credentials.injector;
    },
  });
  if (credentials === undefined) throw new Error('no injector');
  const made = credentials;
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { method = '', url = '', rawHeaders } = request;
      got.push({ host: request.headers.host ?? '', method, url, headers: rawHeaders, body });
      (options.origin ?? reflect)(request, response, body);
    });
  });
  const secure = (socket: Socket): void => {
    const secured = new tls.TLSSocket(socket, {
      isServer: true,
      secureContext: tls.createSecureContext(shown),
      ALPNProtocols: ['http/1.1'],
    });
    secured.on('error', () => undefined);
    if (options.rawOrigin) options.rawOrigin(secured);
    else server.emit('connection', secured);
  };
  await rig.serve(`${ADDRESS}:443`, secure);
  await rig.serve(`${ADDRESS}:8443`, secure);
  await rig.serve(`${ADDRESS}:80`, (socket) => server.emit('connection', socket));
  const caPem = await rig.egress.caPem();

  async function send(host: string, text: string | Buffer, port = 443): Promise<string> {
    const socket = await rig.connectByName(host, port);
    const stream =
      port === 80
        ? socket
        : tls.connect({ socket, host, servername: host, ca: caPem, ALPNProtocols: ['http/1.1'] });
    stream.on('error', () => undefined);
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.write(text);
    await new Promise((resolve) => {
      stream.once('end', resolve);
      stream.once('close', resolve);
    });
    stream.destroy();
    const answer = Buffer.concat(chunks).toString('latin1');
    answers.push(answer);
    return answer;
  }

  return {
    rig,
    credentials: made,
    env: Object.fromEntries(made.variables),
    got,
    minted,
    revoked,
    remembered,
    send,
    async ask(host, target, { method = 'GET', headers = {}, body } = {}) {
      const lines = [
        `${method} ${target} HTTP/1.1`,
        `host: ${host}`,
        'connection: close',
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        ...(body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
      ];
      const answer = await send(
        host,
        Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body ?? '')]),
      );
      const at = answer.indexOf('\r\n\r\n');
      const head = answer.slice(0, at);
      const isChunked = /transfer-encoding: chunked/i.test(head);
      const rest = answer.slice(at + 4);
      const read = isChunked ? unchunk(rest) : rest;
      answers.push(read);
      return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0), head, body: read };
    },
    async askH2(host, target, { method = 'GET', headers = {}, body } = {}) {
      const socket = await rig.connectByName(host, 443);
      const session = http2.connect(`https://${host}`, {
        createConnection: () =>
          tls.connect({ socket, servername: host, ca: caPem, ALPNProtocols: ['h2'] }),
      });
      session.on('error', () => undefined);
      const stream = session.request(
        { ':method': method, ':path': target, ...headers },
        { endStream: body === undefined },
      );
      stream.on('error', () => undefined);
      let status = 0;
      let head = '';
      let trailers = '';
      const chunks: Buffer[] = [];
      stream.on('response', (fields) => {
        status = Number(fields[':status']);
        head = JSON.stringify(fields);
      });
      stream.on('trailers', (fields) => (trailers = JSON.stringify(fields)));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      for (const chunk of body ?? []) stream.write(chunk);
      if (body !== undefined) stream.end();
      await new Promise((resolve) => stream.once('close', resolve));
      session.destroy();
      const text = Buffer.concat(chunks).toString('latin1');
      answers.push(head, text, trailers);
      return { status, head, body: text, trailers };
    },
    leaks() {
      const all = [JSON.stringify(rig.records), JSON.stringify([...made.variables]), ...answers];
      return encodingsOf(CANARY).flatMap(({ form, bytes }) =>
        all.some((text) => text.includes(bytes.toString('latin1'))) ? [form] : [],
      );
    },
    ofType: (type) =>
      rig.records.filter((record) => record.type === type).map((record) => ({ ...record })),
    async close() {
      await made.close();
      server.closeAllConnections();
      await rig.close();
    },
  };
}

export function mintCanary({ id }: GrantedCredential): Promise<Minted> {
  return Promise.resolve({
    material: { kind: 'token', token: new Secret(CANARY) },
    kind: 'test token',
    notAfter: Date.now() + 3_600_000,
    requested: {},
    granted: {},
    revocation: { method: 'DELETE', url: `https://vendor.test/${id}`, headers: {}, done: [204] },
  });
}

/** Headers and body back, as servers do in error pages. */
function reflect(request: http.IncomingMessage, response: http.ServerResponse, body: Buffer): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ headers: request.headers, body: body.toString('latin1') }));
}

function unchunk(text: string): string {
  let body = '';
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at);
    const size = end < 0 ? 0 : parseInt(text.slice(at, end), 16);
    if (!(size > 0)) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}
