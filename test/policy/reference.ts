// A second evaluator, naive on purpose and sharing no code with the first: it reads the authored documents and walks the
// formula's quantifiers one by one.

export interface Rule {
  id?: string | undefined;
  host?: string[] | undefined;
  cidr?: string[] | undefined;
  ports?: number[] | undefined;
  protocol?: 'tcp' | 'udp' | undefined;
  methods?: string[] | undefined;
  paths?: string[] | undefined;
  limit?: string | undefined;
  egress?: string | undefined;
  path?: string | undefined;
  access?: 'read' | 'write' | 'private' | undefined;
  server?: string[] | undefined;
  tools?: string[] | undefined;
  prompts?: string[] | undefined;
  resources?: string[] | undefined;
  features?: string[] | undefined;
  arguments?: Record<string, Condition> | undefined;
}

export interface Condition {
  const?: string | number;
  enum?: (string | number)[];
  type?: 'string' | 'integer';
  optional?: boolean;
}

export interface Section {
  allow?: Rule[] | undefined;
  deny?: Rule[] | undefined;
}

export interface Sections {
  network?: Section | undefined;
  filesystem?: Section | undefined;
  execution?: Section | undefined;
  mcp?: Section | undefined;
}

export interface Document extends Sections {
  version: 1;
  max?: Sections | undefined;
}

export interface ReferenceLayer {
  name: 'org' | 'team' | 'user' | 'repo';
  document: Document;
}

export type ReferenceRequest =
  | { kind: 'connect'; host: string; port: number; protocol?: 'udp' }
  | { kind: 'resolve'; name: string }
  | {
      kind: 'http';
      method: string;
      scheme: 'http' | 'https';
      host: string;
      port: number;
      path: string;
    }
  | { kind: 'read' | 'write' | 'exec'; path: string }
  | McpQuestion;

export type McpQuestion =
  | { kind: 'tool'; server: string; tool: string; arguments?: Record<string, unknown> }
  | { kind: 'prompt'; server: string; name: string; arguments?: Record<string, unknown> }
  | { kind: 'resource'; server: string; uri: string }
  | { kind: 'feature'; server: string; name: string };

export const WORKSPACE = '/home/u/ws';
export const HOME = '/home/u';

type Level = 'read' | 'private' | 'write';
type Question =
  /** `level`: that bytes pass unread, that requests may be judged at all, datagrams, or one request */
  | {
      surface: 'network';
      host: string;
      port: number;
      level: 'pass' | 'inspect' | 'datagram' | { method: string; path: string };
    }
  | { surface: 'filesystem'; path: string; level: Level }
  | { surface: 'execution'; path: string }
  | { surface: 'mcp'; asked: McpQuestion };

/** `allow`, `private` (allowed into the session's copy), `inspected` (allowed with every request judged) or `deny`. */
export function evaluate(
  layers: ReferenceLayer[],
  request: ReferenceRequest,
): 'allow' | 'private' | 'inspected' | 'deny' {
  switch (request.kind) {
    case 'http': {
      const { host, port, method, path } = request;
      return holds(layers, { surface: 'network', host, port, level: { method, path } })
        ? 'allow'
        : 'deny';
    }
    case 'connect': {
      const { host, port } = request;
      if (request.protocol === 'udp')
        return holds(layers, { surface: 'network', host, port, level: 'datagram' })
          ? 'allow'
          : 'deny';
      if (holds(layers, { surface: 'network', host, port, level: 'pass' })) return 'allow';
      return holds(layers, { surface: 'network', host, port, level: 'inspect' })
        ? 'inspected'
        : 'deny';
    }
    case 'resolve': {
      const ports = layers.flatMap(({ document }) =>
        (document.network?.allow ?? []).flatMap((rule) => rule.ports ?? [80, 443]),
      );
      const isReached = ports.some((port) =>
        (['pass', 'inspect', 'datagram'] as const).some((level) =>
          holds(layers, { surface: 'network', host: request.name, port, level }),
        ),
      );
      return isReached ? 'allow' : 'deny';
    }
    case 'read':
      return holds(layers, { surface: 'filesystem', path: request.path, level: 'read' })
        ? 'allow'
        : 'deny';
    case 'write':
      if (holds(layers, { surface: 'filesystem', path: request.path, level: 'write' }))
        return 'allow';
      return holds(layers, { surface: 'filesystem', path: request.path, level: 'private' })
        ? 'private'
        : 'deny';
    case 'exec':
      if (!holds(layers, { surface: 'filesystem', path: request.path, level: 'read' }))
        return 'deny';
      return holds(layers, { surface: 'execution', path: request.path }) ? 'allow' : 'deny';
    case 'tool':
    case 'prompt':
    case 'resource':
    case 'feature':
      return holds(layers, { surface: 'mcp', asked: request }) ? 'allow' : 'deny';
  }
}

function holds(layers: ReferenceLayer[], question: Question): boolean {
  if (isDeniedByBuiltin(question)) return false;
  for (const { document } of layers) {
    if (denies(document, question)) return false;
    // `private` says two things: what may be done, and that the host's file never changes.
    if (question.surface === 'filesystem' && question.level === 'write')
      for (const rule of document.filesystem?.allow ?? [])
        if (rule.access === 'private' && matchesPath(rule.path ?? '', question.path, 'deny'))
          return false;
  }
  // Requests that are counted are seen: no rule, wherever it stands, lets their bytes pass unread.
  if (question.surface === 'network' && question.level === 'pass')
    for (const { document } of layers)
      for (const rule of [
        ...(document.network?.allow ?? []),
        ...(document.max?.network?.allow ?? []),
      ])
        if (
          (rule.limit ?? rule.egress) !== undefined &&
          speaksOfRequests(rule) &&
          matches(rule, question, 'allow')
        )
          return false;
  if (isSystem(question)) return true;
  if (hasDefault(question)) {
    const stating = layers.filter((layer) => states(layer.document, question.surface));
    if (stating.length === 0) return true;
    for (const layer of stating) {
      if (!allows(layer.document, question)) continue;
      const bounds = layers.filter(
        (other) =>
          bindsFrom(other, layer) &&
          hasCeiling(other) &&
          (states(other.document, question.surface) ||
            states(other.document.max ?? {}, question.surface)),
      );
      if (bounds.every((other) => isWithin(other, question))) return true;
    }
  }
  for (const layer of layers) {
    if (!allows(layer.document, question)) continue;
    if (
      layers
        .filter((other) => bindsFrom(other, layer) && hasCeiling(other))
        .every((other) => isWithin(other, question))
    )
      return true;
  }
  return false;
}

const ORDER = ['org', 'team', 'user', 'repo'];

/** Whether `other` bounds `layer`: it stands above, or beside it as another team. */
function bindsFrom(other: ReferenceLayer, layer: ReferenceLayer): boolean {
  if (other === layer) return false;
  return ORDER.indexOf(other.name) <= ORDER.indexOf(layer.name);
}

function hasCeiling(layer: ReferenceLayer): boolean {
  return layer.name === 'org' || layer.document.max !== undefined;
}

function isWithin(layer: ReferenceLayer, question: Question): boolean {
  if (allows(layer.document, question)) return true;
  const { max } = layer.document;
  return max !== undefined && allows(max, question) && !denies(max, question);
}

function states(sections: Sections, surface: Question['surface']): boolean {
  if (surface === 'execution') return sections.execution?.allow !== undefined;
  const allow = sections.filesystem?.allow;
  if (surface !== 'filesystem' || allow === undefined) return false;
  // It speaks of the workspace: from above, from inside, or by naming nothing.
  return allow.length === 0 || allow.some((rule) => couldTouchWorkspace(rule.path ?? ''));
}

/** Tried on every place in the workspace that the comparison knows names for. */
function couldTouchWorkspace(path: string): boolean {
  const known = touching.get(path) ?? PLACES.some((place) => matchesPath(path, place, 'allow'));
  touching.set(path, known);
  return known;
}

const touching = new Map<string, boolean>();

const WORDS = ['src', 'a', 'b', 'c', '.env', '.git', 'config', 'bin'];
const PLACES = ['', ...WORDS, ...WORDS.flatMap((x) => WORDS.map((y) => `${x}/${y}`))].flatMap(
  (head) =>
    ['', ...WORDS].map((word) => [WORKSPACE, head, word].filter((part) => part !== '').join('/')),
);

function allows(sections: Sections, question: Question): boolean {
  return (sections[question.surface]?.allow ?? []).some(
    (rule) => matches(rule, question, 'allow') && grants(rule, question),
  );
}

function denies(sections: Sections, question: Question): boolean {
  return (sections[question.surface]?.deny ?? []).some(
    (rule) => matches(rule, question, 'deny') && takes(rule, question),
  );
}

function grants(rule: Rule, question: Question): boolean {
  if (question.surface === 'network') {
    if ((question.level === 'datagram') !== (rule.protocol === 'udp')) return false;
    return question.level !== 'pass' || !speaksOfRequests(rule);
  }
  if (question.surface !== 'filesystem' || question.level === 'read') return true;
  return question.level === 'private' ? rule.access !== 'read' : rule.access === 'write';
}

function takes(rule: Rule, question: Question): boolean {
  if (question.surface === 'network') {
    const protocol = question.level === 'datagram' ? 'udp' : 'tcp';
    if (rule.protocol !== undefined && rule.protocol !== protocol) return false;
    return question.level !== 'inspect' || !speaksOfRequests(rule);
  }
  return question.surface !== 'filesystem' || question.level !== 'read' || rule.access !== 'write';
}

function matches(rule: Rule, question: Question, effect: 'allow' | 'deny'): boolean {
  if (question.surface === 'mcp') return matchesCall(rule, question.asked, effect);
  if (question.surface !== 'network')
    return matchesPath(rule.path ?? '', question.path, effect, question.surface === 'execution');
  const ports = rule.ports ?? (effect === 'allow' ? [80, 443] : undefined);
  if (ports !== undefined && !ports.includes(question.port)) return false;
  if (!concerns(rule, question.level, effect)) return false;
  const isAddress = /^[\d.]+$/.test(question.host);
  if (isAddress) return (rule.cidr ?? []).some((block) => inBlock(block, question.host, effect));
  // The host's own services are allowed by their name alone, and denied by any pattern.
  if (question.host === 'host.sandbox.internal' && effect === 'allow')
    return rule.host?.includes(question.host) === true;
  return (rule.host ?? []).some((pattern) => matchesHostText(pattern, question.host));
}

const LISTS = {
  tool: 'tools',
  prompt: 'prompts',
  resource: 'resources',
  feature: 'features',
} as const;

function matchesCall(rule: Rule, asked: McpQuestion, effect: 'allow' | 'deny'): boolean {
  const glob = (pattern: string, text: string): boolean =>
    new RegExp(`^${pattern.replace(/[.+^$()|[\]\\/?]/g, '\\$&').replace(/\*/g, '.*')}$`).test(text);
  if (!(rule.server ?? []).some((pattern) => glob(pattern, asked.server))) return false;
  const name =
    asked.kind === 'tool' ? asked.tool : asked.kind === 'resource' ? asked.uri : asked.name;
  const names = rule[LISTS[asked.kind]];
  const like = (text: string): string => text.normalize('NFKC').toLowerCase();
  if (names === undefined) {
    const namesNothing = Object.values(LISTS).every((list) => rule[list] === undefined);
    if (effect === 'allow' || !namesNothing) return false;
  } else if (
    !names.some(
      (pattern) => glob(pattern, name) || (effect === 'deny' && glob(like(pattern), like(name))),
    )
  )
    return false;
  if (rule.arguments === undefined) return true;
  const given = asked.kind === 'tool' || asked.kind === 'prompt' ? asked.arguments : undefined;
  if (given === undefined) return effect === 'allow';
  for (const [key, condition] of Object.entries(rule.arguments)) {
    if (!(key in given)) {
      if (effect === 'deny' || condition.optional !== true) return false;
    } else if (!meets(given[key], condition)) return false;
  }
  return effect === 'deny' || Object.keys(given).every((key) => key in (rule.arguments ?? {}));
}

function meets(value: unknown, condition: Condition): boolean {
  if (condition.const !== undefined && value !== condition.const) return false;
  if (condition.enum !== undefined && !condition.enum.some((one) => one === value)) return false;
  if (condition.type === 'string' && typeof value !== 'string') return false;
  return condition.type !== 'integer' || (typeof value === 'number' && value % 1 === 0);
}

function speaksOfRequests(rule: Rule): boolean {
  return rule.methods !== undefined || rule.paths !== undefined;
}

function concerns(
  { methods, paths }: Rule,
  level: (Question & { surface: 'network' })['level'],
  effect: 'allow' | 'deny',
): boolean {
  if (typeof level === 'string') return methods?.length !== 0 && paths?.length !== 0;
  if (methods !== undefined && !methods.includes(level.method)) return false;
  return paths === undefined || paths.some((path) => matchesUrl(path, level.path, effect));
}

/** By regular expression, with every spelling of one path that some server reads alike. */
function matchesUrl(pattern: string, path: string, effect: 'allow' | 'deny'): boolean {
  const source = pattern
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) =>
      segment === '**'
        ? '(?:/[^/]+)*'
        : segment === '*'
          ? '/[^/]+'
          : `/${segment.replace(/[.+^$()|]/g, '\\$&').replace(/\*/g, '[^/]*')}`,
    )
    .join('');
  const expression = new RegExp(`^${source}/?$`, effect === 'deny' ? 'i' : '');
  const plain = path.replaceAll('%3A', ':');
  return expression.test(plain) || expression.test(plain.replace('%2F', '/'));
}

function matchesHostText(pattern: string, name: string): boolean {
  if (pattern === '**') return true;
  const source = pattern
    .replace(/\./g, '\\.')
    .replace(/^\*\*\\\./, '(?:[^.]+\\.)+')
    .replace(/^\*\\\./, '[^.]+\\.');
  return new RegExp(`^${source}$`).test(name);
}

function toNumber(address: string): bigint {
  return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function inBlock(block: string, address: string, effect: 'allow' | 'deny'): boolean {
  const [base = '', length = '32'] = block.split('/');
  const size = 1n << (32n - BigInt(length));
  const isIn = toNumber(address) / size === toNumber(base) / size;
  if (!isIn || effect === 'deny') return isIn;
  // A private address is reached only by a block that lies within its private range.
  const home = PRIVATE.find(([range]) => inBlock(range, address, 'deny'));
  return (
    home === undefined ||
    (inBlock(home[0], base, 'deny') && Number(length) >= Number(home[0].split('/')[1]))
  );
}

const PRIVATE: [string][] = [['10.0.0.0/8'], ['172.16.0.0/12'], ['192.168.0.0/16']];

function toAbsolute(path: string): string {
  const joined = path.startsWith('~')
    ? HOME + path.slice(1)
    : path.startsWith('/')
      ? path
      : `${WORKSPACE}/${path}`;
  return joined
    .replace(/\/\.(?=\/|$)/g, '')
    .replace(/\/+/g, '/')
    .replace(/(.)\/$/, '$1');
}

/** By regular expression: the pattern itself, and what lies below it where it names a directory. */
export function matchesPath(
  pattern: string,
  path: string,
  effect: 'allow' | 'deny',
  isProgram = false,
): boolean {
  const isBare = isProgram && !pattern.includes('/');
  const absolute = isBare ? `/**/${pattern}` : toAbsolute(pattern);
  const last = absolute.slice(absolute.lastIndexOf('/') + 1);
  const covers = !isBare && (effect === 'deny' || last === '**' || !last.includes('*'));
  const source = absolute
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) =>
      segment === '**'
        ? '(?:/[^/]+)*'
        : segment === '*'
          ? '/[^/]+'
          : `/${segment.replace(/[.+^$()|[\]\\]/g, '\\$&').replace(/\*/g, '[^/]*')}`,
    )
    .join('');
  return new RegExp(`^${source}${covers ? '(?:/.*)?' : ''}$`).test(path);
}

// The builtin layer of the comparison, in its own words: see `builtinLayer` in random-policy.ts.

function isDeniedByBuiltin(question: Question): boolean {
  if (question.surface === 'network')
    return question.host.startsWith('127.') || question.host === 'localhost';
  if (question.surface === 'execution' || question.surface === 'mcp') return false;
  if (question.path.startsWith(`${HOME}/.ssh/`) || question.path === `${HOME}/.ssh`) return true;
  return question.level === 'write' && /\/\.git\/config(\/|$)/i.test(question.path);
}

function isSystem(question: Question): boolean {
  return (
    question.surface === 'filesystem' &&
    question.level === 'read' &&
    /^\/usr(\/|$)/.test(question.path)
  );
}

function hasDefault(question: Question): boolean {
  if (question.surface === 'execution') return true;
  return (
    question.surface === 'filesystem' &&
    (question.path === WORKSPACE || question.path.startsWith(`${WORKSPACE}/`))
  );
}
