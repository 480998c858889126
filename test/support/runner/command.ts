// Workflow commands in a line of output, in both forms that the runner reads (ActionCommand.cs):
//
//   ::NAME KEY=VALUE,KEY=VALUE::DATA      v2: only at the start of a line, white space before it aside
//   ##[NAME KEY=VALUE;KEY=VALUE;]DATA     v1: anywhere in a line
//
// A name that is not registered makes the line plain text.

export interface Command {
  /** lower case */
  name: string;
  /** by lower-case name */
  properties: ReadonlyMap<string, string>;
  data: string;
}

/** What `String.TrimStart` of .NET takes away: not the byte order mark, which JavaScript's does. */
const WHITE_SPACE = /^[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

type Mapping = readonly (readonly [token: string, replacement: string])[];

// `%25` comes last, so that `%250A` ends as `%0A` and not as a new line.
const V1: Mapping = [
  [';', '%3B'],
  ['\r', '%0D'],
  ['\n', '%0A'],
  [']', '%5D'],
  ['%', '%25'],
];
const V2_DATA: Mapping = [
  ['\r', '%0D'],
  ['\n', '%0A'],
  ['%', '%25'],
];
const V2_PROPERTY: Mapping = [
  ['\r', '%0D'],
  ['\n', '%0A'],
  [':', '%3A'],
  [',', '%2C'],
  ['%', '%25'],
];

/** v2 first, as the runner does. `registered`: lower-case names. */
export function parseCommand(line: string, registered: ReadonlySet<string>): Command | undefined {
  return parseV2(line, registered) ?? parseV1(line, registered);
}

function parseV2(line: string, registered: ReadonlySet<string>): Command | undefined {
  const message = line.replace(WHITE_SPACE, '');
  if (!message.startsWith('::')) return undefined;
  const end = message.indexOf('::', 2);
  if (end < 0) return undefined;
  const head = splitHead(message.slice(2, end), registered);
  if (head === undefined) return undefined;
  return {
    name: head.name,
    properties: readProperties(head.rest.trim(), ',', V2_PROPERTY),
    data: unescape(message.slice(end + 2), V2_DATA),
  };
}

function parseV1(line: string, registered: ReadonlySet<string>): Command | undefined {
  const start = line.indexOf('##[');
  if (start < 0) return undefined;
  const end = line.indexOf(']', start);
  if (end < 0) return undefined;
  const head = splitHead(line.slice(start + 3, end), registered);
  if (head === undefined) return undefined;
  return {
    name: head.name,
    properties: readProperties(head.rest, ';', V1),
    data: unescape(line.slice(end + 1), V1),
  };
}

function splitHead(
  text: string,
  registered: ReadonlySet<string>,
): { name: string; rest: string } | undefined {
  const space = text.indexOf(' ');
  const name = (space < 0 ? text : text.slice(0, space)).toLowerCase();
  if (!registered.has(name)) return undefined;
  return { name, rest: space < 0 ? '' : text.slice(space + 1) };
}

function readProperties(text: string, separator: string, mapping: Mapping): Map<string, string> {
  const properties = new Map<string, string>();
  for (const pair of text.split(separator)) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    properties.set(pair.slice(0, equals).toLowerCase(), unescape(pair.slice(equals + 1), mapping));
  }
  return properties;
}

function unescape(text: string, mapping: Mapping): string {
  return mapping.reduce((all, [token, replacement]) => all.replaceAll(replacement, token), text);
}
