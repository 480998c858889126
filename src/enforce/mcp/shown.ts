// What a server says besides results, read before an agent sees it: its name and version, and whatever else it tells of itself.

import type { JsonObject } from '../../model/credential.ts';
import { implementationOf } from './message/capabilities.ts';
import { isObject } from './message/message.ts';
import { noteFindings } from './note.ts';
import type { Core } from './state.ts';

/** The members as they may be shown; undefined where they may not. */
export function readShown(core: Core, server: string, params: JsonObject): JsonObject | undefined {
  try {
    const reading = core.options.content.incoming(server, { jsonrpc: '2.0', params }, {});
    noteFindings(core, server, 'in', reading.findings);
    if (reading.action === 'block' || !isObject(reading.value)) return undefined;
    const read = reading.value['params'];
    return isObject(read) ? read : undefined;
  } catch {
    return undefined; // what could not be read is not shown
  }
}

/** Who a server says it is. It may say there what it was sent, such as its credential. */
export function shownImplementation(core: Core, server: string, said: unknown): JsonObject {
  const kept = implementationOf(said, server);
  return readShown(core, server, kept) ?? implementationOf(undefined, server);
}
