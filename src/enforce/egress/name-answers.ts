// Answers the guest's questions for names: allowed names get a made-up address, all others do not exist.
// Invariant: no question leaves the host; the true address is looked up only once a connection was allowed.

import { RESERVED_REASON, isReservedName } from '../../match/host.ts';
import { canonicalHost } from './canonical.ts';
import {
  RecordType,
  ResponseCode,
  encodeAddress,
  encodeDnsAnswer,
  encodeDnsRefusal,
  encodeName,
  parseDnsQuery,
} from './dns-message.ts';
import type { DnsQuestion } from './dns-message.ts';
import type { Judge } from './judge.ts';
import { PROXY_ADDRESS } from './synthetic.ts';
import type { SyntheticAddresses } from './synthetic.ts';

/** Where a client may be told that its proxy is: `http://NAME:PORT`. */
export const PROXY_NAME = 'proxy.sandbox.internal';
export const PROXY_PORT = 3128;

const TTL_SECONDS = 60;
const LOOPBACK4 = encodeAddress('127.0.0.1');
const LOOPBACK6 = Buffer.concat([Buffer.alloc(15), Buffer.from([1])]);
const REVERSE4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/;

export interface NameAnswersOptions {
  judge: Judge;
  synthetic: SyntheticAddresses;
  /** the guest's own name, lower case; it and localhost mean the guest itself */
  guestName: string | undefined;
  /** names of services that the session itself is to the guest, by address */
  ownNames?: ReadonlyMap<string, string> | undefined;
}

export type NameAnswers = (message: Buffer) => Buffer;

export function createNameAnswers({
  judge,
  synthetic,
  guestName,
  ownNames,
}: NameAnswersOptions): NameAnswers {
  return (message) => {
    const query = parseDnsQuery(message);
    if (!query.ok) return encodeDnsRefusal(query.id, query.code);
    return answer(query.question);
  };

  function answer(question: DnsQuestion): Buffer {
    const { name } = question;
    if (name === 'localhost' || name.endsWith('.localhost') || name === guestName)
      return answerLoopback(question);
    const reverse = question.type === RecordType.PTR ? answerReverse(question) : undefined;
    if (reverse !== undefined) return reverse;
    return answerName(question);
  }

  function answerName(question: DnsQuestion): Buffer {
    // Names of services (`_http._tcp.HOST`) are asked for before HOST itself; there are none, whatever HOST is.
    const owner = question.name.replace(/^(_[a-z0-9_-]*\.)+/, '');
    const host = canonicalHost(owner);
    if (host === undefined) {
      judge.refuse(
        { kind: 'resolve', name: question.name },
        'egress-name',
        'this is no host name in canonical form',
      );
      return encodeDnsAnswer(question, ResponseCode.NXDOMAIN);
    }
    const own = host === PROXY_NAME ? PROXY_ADDRESS : ownNames?.get(host);
    if (own !== undefined) return answerAddress(question, own);
    if (isReservedName(host)) {
      judge.refuse({ kind: 'resolve', name: host }, 'egress-reserved', RESERVED_REASON);
      return encodeDnsAnswer(question, ResponseCode.NXDOMAIN);
    }
    if (!judge.ask({ kind: 'resolve', name: host }).allowed)
      return encodeDnsAnswer(question, ResponseCode.NXDOMAIN);
    if (owner !== question.name) return encodeDnsAnswer(question, ResponseCode.NXDOMAIN);
    if (question.type !== RecordType.A) return encodeDnsAnswer(question, ResponseCode.NOERROR);
    const address = synthetic.addressOf(host);
    if (address === undefined) {
      judge.refuse(
        { kind: 'resolve', name: host },
        'egress-limit',
        'all addresses of the session are taken by other names',
      );
      return encodeDnsAnswer(question, ResponseCode.SERVFAIL);
    }
    return answerAddress(question, address);
  }

  /** The name behind an address that this session made up; undefined for any other. */
  function answerReverse(question: DnsQuestion): Buffer | undefined {
    const octets = REVERSE4.exec(question.name)?.slice(1).reverse();
    const name = octets === undefined ? undefined : synthetic.nameOf(octets.join('.'));
    if (name === undefined) return undefined;
    return encodeDnsAnswer(question, ResponseCode.NOERROR, [
      { type: RecordType.PTR, ttl: TTL_SECONDS, value: encodeName(name) },
    ]);
  }
}

function answerAddress(question: DnsQuestion, address: string): Buffer {
  const value = encodeAddress(address);
  const answers =
    question.type === RecordType.A ? [{ type: RecordType.A, ttl: TTL_SECONDS, value }] : [];
  return encodeDnsAnswer(question, ResponseCode.NOERROR, answers);
}

function answerLoopback(question: DnsQuestion): Buffer {
  const value =
    question.type === RecordType.A
      ? LOOPBACK4
      : question.type === RecordType.AAAA
        ? LOOPBACK6
        : undefined;
  return encodeDnsAnswer(
    question,
    ResponseCode.NOERROR,
    value === undefined ? [] : [{ type: question.type, ttl: TTL_SECONDS, value }],
  );
}
