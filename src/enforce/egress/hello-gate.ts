// Holds the first bytes of a client until they are known to be harmless: TLS must name the server that was decided.
// Invariant: of TLS, no byte is released before the hello it belongs to is judged, the second hello after a retry included.

import { CLIENT_HELLO, SERVER_HELLO, asksForSecondHello, parseClientHello } from './tls-hello.ts';
import { ContentType, createAnswerReader, createMessageReader, readRecord } from './tls-record.ts';
import type { AnswerReader, MessageReader } from './tls-record.ts';

export const MAX_HELLO = 64 * 1024;

/** What to send on, whether more bytes are wanted, and why the connection must end, if it must. */
export interface GateStep {
  release: Buffer[];
  refusal?: string;
}

export type GatePhase = 'start' | 'hello' | 'answer' | 'retry' | 'open' | 'refused';

export interface HelloGate {
  client(chunk: Buffer): GateStep;
  /** The client has nothing more to say. */
  clientEnd(): GateStep;
  /** Looks at the server's bytes; they are never held. The step is for the client's. */
  server(chunk: Buffer): GateStep;
  phase(): GatePhase;
  heldBytes(): number;
  protocol(): 'tls' | 'other' | 'unknown';
}

const NOTHING: GateStep = { release: [] };

/** `name`: the decided name; undefined when an address was decided, which binds no name. */
export function createHelloGate(name: string | undefined): HelloGate {
  let phase: GatePhase = 'start';
  let held: Buffer = Buffer.alloc(0);
  let reader: MessageReader = createMessageReader(MAX_HELLO);
  let answer: AnswerReader | undefined;
  let protocol: 'tls' | 'other' | 'unknown' = 'unknown';

  function refuse(reason: string): GateStep {
    phase = 'refused';
    held = Buffer.alloc(0);
    return { release: [], refusal: reason };
  }

  function open(bytes: Buffer): GateStep {
    phase = 'open';
    held = Buffer.alloc(0);
    return { release: bytes.length > 0 ? [bytes] : [] };
  }

  function start(chunk: Buffer): GateStep {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const guess = classify(held, name !== undefined);
    if (guess === 'unknown') return NOTHING;
    if (guess === 'other') {
      // On any port, 443 included: a rule without methods and paths speaks of the connection, not of what is said on it.
      protocol = 'other';
      return open(held);
    }
    if (guess === 'sslv2')
      return refuse('the TLS hello has the SSL 2 form, which is not read here');
    protocol = 'tls';
    phase = 'hello';
    const first = held;
    held = Buffer.alloc(0);
    return hello(first);
  }

  function hello(chunk: Buffer): GateStep {
    const step = reader.push(chunk);
    if (step.kind === 'more') return NOTHING;
    if (step.kind === 'malformed') return refuse(`the TLS hello is malformed: ${step.reason}`);
    if (step.type !== CLIENT_HELLO)
      return refuse('the TLS handshake does not begin with a client hello');
    const fault = judgeHello(step.body, name);
    if (fault !== undefined) return refuse(fault);
    const bytes = reader.held();
    const rest = bytes.subarray(step.consumed);
    // A second hello is asked for at most once, and names bind only what a name decided.
    if (name === undefined || answer !== undefined) return open(bytes);
    answer = createAnswerReader(SERVER_HELLO, asksForSecondHello);
    phase = 'answer';
    held = rest;
    return { release: [bytes.subarray(0, step.consumed)] };
  }

  /** After a retry request: early data and change-cipher-spec may pass, the next handshake message must be a hello. */
  function retry(chunk: Buffer): GateStep {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const release: Buffer[] = [];
    for (;;) {
      const step = readRecord(held);
      if (step.kind === 'malformed')
        return refuse(`the TLS handshake is malformed: ${step.reason}`);
      if (held.length > 0 && held[0] === ContentType.HANDSHAKE) {
        reader = createMessageReader(MAX_HELLO);
        const second = held;
        phase = 'hello';
        held = Buffer.alloc(0);
        const after = hello(second);
        return after.refusal === undefined ? { release: [...release, ...after.release] } : after;
      }
      if (step.kind === 'more') return { release };
      release.push(step.record.raw);
      held = held.subarray(step.record.raw.length);
    }
  }

  return {
    client(chunk) {
      if (phase === 'open') return { release: [chunk] };
      if (phase === 'start') return start(chunk);
      if (phase === 'hello') return hello(chunk);
      if (phase === 'retry') return retry(chunk);
      if (phase === 'answer') held = Buffer.concat([held, chunk]);
      return NOTHING;
    },
    clientEnd() {
      if (phase === 'hello') return refuse('the TLS hello ends before it is complete');
      // A few bytes that could have become TLS and never will: they are somebody's short message.
      if (phase === 'start') return open(held);
      return NOTHING;
    },
    server(chunk) {
      if (phase !== 'answer' || answer === undefined) return NOTHING;
      const verdict = answer.push(chunk);
      if (verdict === 'more') return NOTHING;
      if (verdict === 'final') return open(held);
      phase = 'retry';
      return retry(Buffer.alloc(0));
    },
    phase: () => phase,
    heldBytes: () => (phase === 'hello' ? reader.held().length : held.length),
    protocol: () => protocol,
  };
}

/** `strict`: any record type of TLS counts as TLS, since some servers read a warning before the hello. */
function classify(bytes: Buffer, strict: boolean): 'tls' | 'sslv2' | 'other' | 'unknown' {
  const [first = 0, second, third, major, minor] = bytes;
  if (first >= ContentType.CHANGE_CIPHER_SPEC && first <= ContentType.APPLICATION_DATA) {
    if (second === undefined) return 'unknown';
    // There are servers that take a first handshake record of any version below 16.0.
    if (strict && first === ContentType.HANDSHAKE) return second < 0x10 ? 'tls' : 'other';
    return second === 3 ? 'tls' : 'other';
  }
  if (!strict || first < 0x80) return 'other';
  if (third === undefined) return 'unknown';
  if (third !== CLIENT_HELLO) return 'other';
  if (major === undefined || (minor === undefined && (major === 3 || major === 0)))
    return 'unknown';
  return major === 3 || (major === 0 && minor === 2) ? 'sslv2' : 'other';
}

/** Why a hello must not go to the server of `name`; undefined when it may. */
function judgeHello(body: Buffer, name: string | undefined): string | undefined {
  const result = parseClientHello(body);
  if (!result.ok) return `the TLS hello is malformed: ${result.reason}`;
  const { serverName, isEncrypted } = result.hello;
  if (isEncrypted)
    return 'the TLS hello is encrypted (ECH), so the server it asks for cannot be checked';
  if (name === undefined) return undefined;
  if (serverName === undefined)
    return `the TLS hello names no server (no SNI), and this connection was decided for ${name}`;
  if (serverName.toLowerCase() === name) return undefined;
  return `the TLS hello asks for ${quoteClaim(serverName)}, and this connection was decided for ${name}`;
}

const MAX_CLAIM = 80;

/** A name that the guest claims, fit for a message: printable ASCII only, and short. */
function quoteClaim(claim: string): string {
  const shown = claim.length > MAX_CLAIM ? `${claim.slice(0, MAX_CLAIM)}...` : claim;
  return `"${shown.replace(/[^\x21-\x7e]|["\\]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}
