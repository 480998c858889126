// The request grammar of tests, `explain`, records and messages, in both directions. What is written never holds a
// control character, a lone surrogate or a letter that turns text round, so a record and a terminal show what was asked.
import { formatAddress, parseAddress } from '../match/address.ts';
import { absolutePattern } from '../match/path.ts';
import { canonicalName } from '../match/host.ts';
import { canonicalUrlPath } from '../match/url-path.ts';
import type { Request } from '../model/request.ts';

export type ParsedRequest =
  { request: Request; error?: never } | { request?: never; error: string };

/** What relative and `~` paths are relative to. */
export interface Places {
  workspace: string;
  home: string;
}

const UNSAFE =
  /[\\\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|^ | $/g;

/** Makes a text safe to show on one line; `\xHH` is a byte that is no UTF-8, `\u{H}` a character, `\\` a backslash. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (char) => {
    if (char === '\\') return '\\\\';
    const code = char.charCodeAt(0);
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    return `\\u{${code.toString(16)}}`;
  });
}

export function unescapeText(text: string): string | undefined {
  let isValid = true;
  const plain = text.replace(
    /\\(?:\\|x([89a-f][0-9a-f])|u\{([0-9a-f]{1,4})\}|)/gi,
    (whole, byte?: string, code?: string) => {
      if (whole === '\\\\') return '\\';
      if (byte !== undefined) return String.fromCharCode(0xdc00 + parseInt(byte, 16));
      if (code !== undefined) return String.fromCharCode(parseInt(code, 16));
      isValid = false;
      return whole;
    },
  );
  return isValid ? plain : undefined;
}

export function formatRequest(request: Request): string {
  switch (request.kind) {
    case 'http': {
      const isDefault = request.port === (request.scheme === 'https' ? 443 : 80);
      const authority = `${bracketed(request.host)}${isDefault ? '' : `:${request.port}`}`;
      return escapeText(`${request.method} ${request.scheme}://${authority}${request.path}`);
    }
    case 'connect':
      return escapeText(
        `connect ${bracketed(request.host)}:${request.port}${request.protocol === 'udp' ? '/udp' : ''}`,
      );
    case 'resolve':
      return escapeText(`resolve ${request.name}`);
    case 'read':
    case 'write':
    case 'exec':
      return `${request.kind} ${escapeText(request.path)}`;
    case 'mint':
      return escapeText(`mint ${request.id}`);
    case 'tool':
      return `tool ${word(request.server)}/${word(request.tool)}${json(request.arguments)}`;
    case 'resource':
      return `resource ${word(request.server)} ${escapeText(request.uri)}`;
    case 'prompt':
      return `prompt ${word(request.server)}/${word(request.name)}${json(request.arguments)}`;
    case 'feature':
      return escapeText(`feature ${request.server}/${request.name}`);
  }
}

/** A name as one word. */
const word = (name: string): string => escapeText(name).replaceAll(' ', '\\u{20}');

/** Arguments behind a name; JSON has escapes of its own. */
function json(value: unknown): string {
  if (value === undefined) return '';
  const text = JSON.stringify(value).replace(UNSAFE, (char) =>
    char === '\\' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return ` ${text}`;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Reads a request; relative and `~` paths need `places`. */
export function parseRequest(text: string, places?: Places): ParsedRequest {
  const space = text.indexOf(' ');
  const verb = space < 0 ? text : text.slice(0, space);
  const rest = space < 0 ? '' : text.slice(space + 1);
  if (rest === '')
    return {
      error: `expected \`VERB TARGET\`, for example \`connect example.com:443\`, found "${escapeText(text)}"`,
    };
  switch (verb) {
    case 'connect':
      return parseConnect(rest);
    case 'resolve': {
      const name = canonicalName(rest);
      return name === undefined
        ? { error: `"${escapeText(rest)}" is not a host name` }
        : { request: { kind: 'resolve', name } };
    }
    case 'read':
    case 'write':
    case 'exec':
      return parsePath(verb, rest, places);
    case 'mint':
      return { request: { kind: 'mint', id: rest } };
    case 'tool':
    case 'prompt':
      return parseCall(verb, rest);
    case 'resource': {
      const at = rest.indexOf(' ');
      const [server, uri] = [rest.slice(0, at), rest.slice(at + 1)].map(unescapeText);
      if (at < 1 || !server || !uri) return { error: 'expected `resource SERVER URI`' };
      return { request: { kind: 'resource', server, uri } };
    }
    case 'feature': {
      const at = rest.indexOf('/');
      if (at < 1 || at === rest.length - 1) return { error: 'expected `feature SERVER/NAME`' };
      return { request: { kind: verb, server: rest.slice(0, at), name: rest.slice(at + 1) } };
    }
    default:
      if (isMethod(verb)) return parseHttp(verb, rest);
      return {
        error: `"${escapeText(verb)}" is no request: expected an HTTP method in upper case, connect, resolve, read, write, exec, mint, tool, resource, prompt or feature`,
      };
  }
}

/** HTTP methods are compared as they are written; those in lower case mean nothing, or too much, to servers. */
export function isMethod(text: string): boolean {
  return /^[A-Z][A-Z0-9_-]*$/.test(text);
}

/** The canonical form of a host in a request: a name, or an address in its shortest spelling. */
export function canonicalHost(text: string): string | undefined {
  const bare = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  const address = parseAddress(bare.toLowerCase());
  return address === undefined ? canonicalName(bare) : formatAddress(address);
}

function parseConnect(text: string): ParsedRequest {
  const match = /^(\[[^\]]*\]|[^:]*):(\d{1,5})(\/udp)?$/.exec(text);
  const port = Number(match?.[2] ?? 0);
  if (!match || port < 1 || port > 65535)
    return {
      error: `expected \`connect HOST:PORT\` or \`connect HOST:PORT/udp\` with a port from 1 to 65535, found "${escapeText(text)}"`,
    };
  const host = canonicalHost(match[1] ?? '');
  if (host === undefined)
    return { error: `"${escapeText(match[1] ?? '')}" is neither a host name nor an address` };
  const protocol = match[3] === undefined ? {} : { protocol: 'udp' as const };
  return { request: { kind: 'connect', host, port, ...protocol } };
}

function parseHttp(method: string, text: string): ParsedRequest {
  const match = /^(https?):\/\/(\[[^\]]*\]|[^:/?#@]*)(?::(\d{1,5}))?(\/[^?#]*)?(?:\?[^#]*)?$/.exec(
    text,
  );
  if (!match)
    return { error: `expected \`METHOD http(s)://HOST/PATH\`, found "${escapeText(text)}"` };
  const scheme = match[1] === 'http' ? 'http' : 'https';
  const host = canonicalHost(match[2] ?? '');
  const port = Number(match[3] ?? (scheme === 'https' ? 443 : 80));
  const path = canonicalUrlPath(match[4] ?? '/');
  if (host === undefined)
    return { error: `"${escapeText(match[2] ?? '')}" is neither a host name nor an address` };
  if (port < 1 || port > 65535) return { error: 'expected a port from 1 to 65535' };
  if (path === undefined)
    return { error: `the path of "${escapeText(text)}" has no canonical form` };
  return { request: { kind: 'http', method, scheme, host, port, path } };
}

function parsePath(
  kind: 'read' | 'write' | 'exec',
  text: string,
  places: Places | undefined,
): ParsedRequest {
  const plain = unescapeText(text);
  if (plain === undefined)
    return { error: `"${text}" holds an escape that is none: write \\\\, \\xHH or \\u{H}` };
  if (plain.includes('\u0000')) return { error: 'a path may not hold NUL' };
  if (!plain.startsWith('/') && places === undefined)
    return { error: `expected an absolute path, found "${escapeText(plain)}"` };
  if (plain.split('/').includes('..')) return { error: 'a path is written without `..`' };
  const path = absolutePattern(plain, places?.workspace ?? '', places?.home ?? '');
  return { request: { kind, path } };
}

function parseCall(kind: 'tool' | 'prompt', text: string): ParsedRequest {
  const match = /^([^/ ]+)\/([^ ]+)(?: (.+))?$/s.exec(text);
  const [server, name] = [match?.[1] ?? '', match?.[2] ?? ''].map(unescapeText);
  if (!match || !server || !name)
    return { error: `expected \`${kind} SERVER/${kind === 'tool' ? 'TOOL' : 'NAME'} [JSON]\`` };
  const bare: Request = kind === 'tool' ? { kind, server, tool: name } : { kind, server, name };
  if (match[3] === undefined) return { request: bare };
  try {
    return { request: { ...bare, arguments: JSON.parse(match[3]) as unknown } };
  } catch {
    const call = escapeText(`${kind} ${server}/${name}`);
    return { error: `the arguments of \`${call}\` are not JSON` };
  }
}

/** What is wrong with a request as somebody wrote it, whatever the workspace; undefined when it can be read. */
export function faultOfRequest(text: string): string | undefined {
  return parseRequest(text, { workspace: '/', home: '/' }).error;
}
