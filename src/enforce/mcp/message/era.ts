// The two eras of the protocol: with a handshake and sessions until 2025-11-25, each request by itself since 2026-07-28.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning

import type { JsonObject } from '../../../model/credential.ts';
import { isLevel } from './level.ts';
import { isObject } from './message.ts';

export type Era = 'legacy' | 'modern';

export const LEGACY_REVISIONS: readonly string[] = [
  '2024-11-05',
  '2025-03-26',
  '2025-06-18',
  '2025-11-25',
];
export const MODERN_REVISIONS: readonly string[] = ['2026-07-28'];
/** of a message without the header, by the specification */
export const UNSAID_REVISION = '2025-03-26';

export const META = {
  revision: 'io.modelcontextprotocol/protocolVersion',
  client: 'io.modelcontextprotocol/clientInfo',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  server: 'io.modelcontextprotocol/serverInfo',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** What a modern request says of its sender. */
export interface Envelope {
  revision: string;
  capabilities: JsonObject;
  client: JsonObject | undefined;
  logLevel: string | undefined;
}

/** The revision that the params name, whatever it is; undefined for a message of the legacy era. */
export function revisionOf(params: JsonObject | undefined): string | undefined {
  const meta = params?.['_meta'];
  const revision = isObject(meta) ? meta[META.revision] : undefined;
  return typeof revision === 'string' ? revision : undefined;
}

/** What is said of the sender; undefined where something that is required is missing or of another type. */
export function envelopeOf(params: JsonObject | undefined): Envelope | undefined {
  const meta = params?.['_meta'];
  if (!isObject(meta)) return undefined;
  const revision = meta[META.revision];
  const capabilities = meta[META.capabilities];
  const client = meta[META.client];
  const logLevel = meta[META.logLevel];
  if (typeof revision !== 'string' || !isObject(capabilities)) return undefined;
  if (client !== undefined && !isObject(client)) return undefined;
  if (logLevel !== undefined && !isLevel(logLevel)) return undefined;
  return { revision, capabilities, client, logLevel };
}
