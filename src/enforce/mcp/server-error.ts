// Errors of servers on their way to the agent.

import type { Json, JsonObject } from '../../model/credential.ts';
import { isObject } from './message/message.ts';
import { noteFindings } from './note.ts';
import type { Core } from './state.ts';

/** Code and text of a server's error, the text and data as content. */
export function readError(
  core: Core,
  server: string,
  { code, message, data }: { code: number; message: string; data?: Json },
): { code: number; message: string; data?: Json } {
  const body: JsonObject = { code, message, ...(data !== undefined && { data }) };
  const reading = core.options.content.incoming(server, body, {});
  noteFindings(core, server, 'in', reading.findings);
  if (reading.action === 'block' || !isObject(reading.value))
    return { code, message: 'the error of the tool server was withheld' };
  const { message: text, data: rest } = reading.value;
  return {
    code,
    message: typeof text === 'string' ? text : '',
    ...(rest !== undefined && { data: rest }),
  };
}
