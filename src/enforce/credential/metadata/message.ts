// What a metadata service is asked, and what it answers.
import { createHash, timingSafeEqual } from 'node:crypto';

export interface MetadataRequest {
  method: string;
  path: string;
  /** without the `?` */
  query: string;
  /** lower-case names; a header that came twice has its values joined by `, ` */
  headers: Readonly<Record<string, string | undefined>>;
}

export interface MetadataAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function json(status: number, body: unknown): MetadataAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  };
}

export function text(status: number, body: string): MetadataAnswer {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    body,
  };
}

/** Takes as long for a near miss as for any other. */
export function isSame(a: string | undefined, b: string): boolean {
  if (a === undefined) return false;
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Whole seconds left, none below zero. */
export function secondsLeft(notAfter: number, now: number): number {
  return Math.max(0, Math.floor((notAfter - now) / 1000));
}
