// What servers call their things, and what the agent calls them where it sees all servers at once. Tools and prompts have their server in
// front of their name, resources in front of their URI: no server can take a name, or be asked for a URI, of another's.

import type { DefinitionKind, Definition } from '../../../model/mcp.ts';
import { LONGEST_SHOWN, SEPARATOR, shownName } from '../pins/names.ts';
import type { Core, ServerState } from '../state.ts';

/** In records, of what is said to no server. No server can be called so. */
export const ALL = '*';

const URI = /^mcp\+([a-z0-9-]{1,32})\+(.+)$/s;

/** `mcp+SERVER+URI`: the scheme alone becomes longer, so that what was a URI, or a pattern of one, still is. */
export function shownUri(server: string, uri: string): string {
  return `mcp+${server}+${uri}`;
}

export interface Place {
  server: ServerState;
  /** as the server calls it, if there is such a thing */
  name: string;
}

/** Undefined where it has no server of ours in front. */
export function placeOf(core: Core, kind: DefinitionKind, shown: string): Place | undefined {
  const parts = kind === 'tool' || kind === 'prompt' ? splitName(shown) : splitUri(shown);
  const server = parts === undefined ? undefined : core.servers.get(parts.server);
  return parts === undefined || server === undefined ? undefined : { server, name: parts.name };
}

// Ids of servers hold no underscore: the first separator is where the name begins.
function splitName(shown: string): { server: string; name: string } | undefined {
  const at = shown.indexOf(SEPARATOR);
  return at < 1
    ? undefined
    : { server: shown.slice(0, at), name: shown.slice(at + SEPARATOR.length) };
}

function splitUri(shown: string): { server: string; name: string } | undefined {
  const [, server, name] = URI.exec(shown) ?? [];
  return server === undefined || name === undefined ? undefined : { server, name };
}

/** Whether what is shown so may be called otherwise: it was cut where clients take no more. */
export function mayBeCut(shown: string): boolean {
  return shown.length === LONGEST_SHOWN;
}

/** Longer than any name that is shown. */
export function isTooLong(shown: string): boolean {
  return shown.length > LONGEST_SHOWN;
}

/** What of a server's is shown so. More than one: nobody knows which is meant. */
export function namesShownAs(
  core: Core,
  { id }: ServerState,
  kind: 'tool' | 'prompt',
  shown: string,
): string[] {
  return core.options.pins
    .served(id, kind)
    .flatMap(({ name }) => (typeof name === 'string' ? name : []))
    .filter((name) => shownName(id, name) === shown);
}

/** The definition as the agent sees it among those of all servers. */
export function shownDefinition(
  server: string,
  kind: DefinitionKind,
  definition: Definition,
): Definition {
  const key = kind === 'resource' ? 'uri' : kind === 'template' ? 'uriTemplate' : 'name';
  const own = definition[key];
  if (typeof own !== 'string') return definition;
  const shown = key === 'name' ? shownName(server, own) : shownUri(server, own);
  return { ...definition, [key]: shown };
}
