// Reads an event stream byte by byte into events with a bound on each. Events of other types than `message` are dropped, and so is
// every field but data, id and retry.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

import { createGathered } from '../gathered.ts';
import type { UpstreamEvent } from '../upstream.ts';

export interface EventStreamReader {
  /** The events that end within this chunk. Throws `RangeError` where a line or an event is longer than it may be. */
  push(chunk: Buffer): UpstreamEvent[];
}

const MOST_ID = 1024;
const CR = 0x0d;
const LF = 0x0a;

export function createEventStreamReader(limit: number): EventStreamReader {
  const open = createGathered();
  let hasCr = false;
  let isFirst = true;
  let data: Buffer[] = [];
  let dataSize = 0;
  let type = '';
  let id: string | undefined;
  let retry: number | undefined;

  function dispatch(events: UpstreamEvent[]): void {
    const isMessage = type === '' || type === 'message';
    if (isMessage && (data.length > 0 || id !== undefined))
      events.push({
        data: joinLines(data),
        ...(id !== undefined && { id }),
        ...(retry !== undefined && { retry }),
      });
    data = [];
    dataSize = 0;
    type = '';
    id = undefined;
    retry = undefined;
  }

  function onLine(line: Buffer, events: UpstreamEvent[]): void {
    if (line.length === 0) {
      dispatch(events);
      return;
    }
    const colon = line.indexOf(0x3a);
    if (colon === 0) return;
    const name = line.toString('latin1', 0, colon < 0 ? line.length : Math.min(colon, 16));
    const start = colon < 0 ? line.length : colon + (line[colon + 1] === 0x20 ? 2 : 1);
    if (name === 'data') {
      dataSize += line.length + 1;
      if (dataSize > limit) throw new RangeError('an event is too long');
      data.push(line.subarray(start));
    } else if (name === 'event') type = line.toString('utf8', start, start + 64);
    else if (name === 'id') {
      const text = line.toString('utf8', start);
      // Bytes that would end a header, or that no header holds, cannot be sent back as `Last-Event-ID`.
      if (text.length <= MOST_ID && /^[\x20-\x7e]*$/.test(text)) id = text;
    } else if (name === 'retry') {
      const text = line.toString('latin1', start, start + 10);
      if (/^[0-9]{1,9}$/.test(text)) retry = Number(text);
    }
  }

  /** The stream may begin with a byte order mark. */
  function withoutMark(line: Buffer): Buffer {
    const hasMark = isFirst && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
    isFirst = false;
    return hasMark ? line.subarray(3) : line;
  }

  return {
    push: (chunk) => {
      const events: UpstreamEvent[] = [];
      let from = 0;
      while (from < chunk.length) {
        if (hasCr && chunk[from] === LF) {
          hasCr = false;
          from += 1;
          continue;
        }
        hasCr = false;
        const end = lineEnd(chunk, from);
        const part = chunk.subarray(from, end < 0 ? chunk.length : end);
        if (open.size + part.length > limit) throw new RangeError('a line is too long');
        open.add(part);
        if (end < 0) break;
        const line = withoutMark(open.take());
        hasCr = chunk[end] === CR;
        from = end + 1;
        onLine(line, events);
      }
      return events;
    },
  };
}

function lineEnd(chunk: Buffer, from: number): number {
  const lf = chunk.indexOf(LF, from);
  // Only what lies before the line feed is searched: no chunk is read twice.
  const cr = chunk.subarray(from, lf < 0 ? chunk.length : lf).indexOf(CR);
  return cr < 0 ? lf : from + cr;
}

function joinLines(lines: readonly Buffer[]): Buffer {
  if (lines.length <= 1) return lines[0] ?? Buffer.alloc(0);
  const parts: Buffer[] = [];
  for (const [at, line] of lines.entries()) {
    if (at > 0) parts.push(LINE_FEED);
    parts.push(line);
  }
  return Buffer.concat(parts);
}

const LINE_FEED = Buffer.from('\n');
