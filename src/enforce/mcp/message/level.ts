// How severe a log message is, by RFC 5424. https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging#log-levels

import type { Json } from '../../../model/credential.ts';

const LEVELS: ReadonlySet<unknown> = new Set([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]);

export const isLevel = (value: Json | undefined): value is string => LEVELS.has(value);
