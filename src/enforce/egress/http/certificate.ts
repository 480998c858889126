// X.509 certificates (RFC 5280) with ECDSA P-256 keys, strict enough for clients that check every extension.
// Invariant: an authority cannot issue another one, and a leaf cannot issue anything.

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { bits, context, integer, isTrue, octets, oid, sequence, set, text, time } from './der.ts';

export interface KeyPair {
  privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER */
  publicInfo: Buffer;
}

export interface Issuer {
  name: string;
  key: KeyPair;
}

export interface CertificateParts {
  /** common name of the subject */
  name: string;
  key: KeyPair;
  /** absent: signed by itself */
  issuer?: Issuer;
  isAuthority: boolean;
  /** host names and IPv4 or IPv6 addresses (as 4 or 16 bytes) it stands for */
  alternatives?: readonly (string | Buffer)[];
  notBefore: Date;
  notAfter: Date;
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
/** upper bound of a common name */
const MAX_NAME = 64;

export function createKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, publicInfo: publicKey.export({ type: 'spki', format: 'der' }) };
}

/** The certificate as PEM. */
export function createCertificate(parts: CertificateParts): string {
  const issuer = parts.issuer ?? parts;
  const toBeSigned = sequence(
    context(0, true, integer(2)), // version 3
    serialNumber(),
    ECDSA_SHA256,
    distinguishedName(issuer.name),
    sequence(time(parts.notBefore), time(parts.notAfter)),
    distinguishedName(parts.name),
    parts.key.publicInfo,
    context(3, true, extensions(parts, issuer)),
  );
  const signature = sign('sha256', toBeSigned, issuer.key.privateKey);
  return toPem(sequence(toBeSigned, ECDSA_SHA256, bits(signature)));
}

function extensions(parts: CertificateParts, issuer: Issuer): Buffer {
  const { isAuthority, alternatives = [] } = parts;
  const usage = isAuthority ? bits(Buffer.from([0x06]), 1) : bits(Buffer.from([0x80]), 7);
  const list = [
    extension('2.5.29.19', isAuthority ? sequence(isTrue(), integer(0)) : sequence(), true), // basicConstraints
    extension('2.5.29.15', usage, true), // keyUsage: sign certificates and CRLs, or sign
    extension('2.5.29.14', octets(keyId(parts.key))), // subjectKeyIdentifier
    extension('2.5.29.35', sequence(context(0, false, keyId(issuer.key)))), // authorityKeyIdentifier
  ];
  if (alternatives.length > 0)
    list.push(extension('2.5.29.17', sequence(...alternatives.map(alternative))));
  if (!isAuthority) list.push(extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1')))); // serverAuth
  return sequence(...list);
}

function extension(id: string, content: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [isTrue()] : []), octets(content));
}

function alternative(of: string | Buffer): Buffer {
  return typeof of === 'string' ? context(2, false, Buffer.from(of)) : context(7, false, of);
}

function keyId(key: KeyPair): Buffer {
  return createHash('sha256').update(key.publicInfo).digest().subarray(0, 20);
}

function distinguishedName(name: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), text(name.slice(0, MAX_NAME)))));
}

// Random and never zero or negative: clients refuse two certificates of one issuer with the same number.
function serialNumber(): Buffer {
  const [first = 0, ...rest] = randomBytes(16);
  return integer((first & 0x3f) | 0x40, ...rest);
}

function toPem(der: Buffer): string {
  const body = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}
