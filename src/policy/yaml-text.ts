// Reads the YAML of a policy into a tree of plain nodes, each with its place. Only the plain core is let through: no
// aliases, anchors, tags, tabs or second document, so that what a reviewer sees is what is meant.
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node as YamlNode,
  parseAllDocuments,
  type Pair,
} from 'yaml';
import type { Json } from '../model/credential.ts';
import type { Diagnostic, Span } from '../model/diagnostic.ts';

export type TextNode = MapNode | ListNode | ScalarNode;

export interface MapNode {
  kind: 'map';
  entries: { key: string; keySpan: Span; value: TextNode }[];
  span: Span;
}

export interface ListNode {
  kind: 'list';
  items: TextNode[];
  span: Span;
}

export interface ScalarNode {
  kind: 'scalar';
  value: string | number | boolean | null;
  span: Span;
}

export const MAX_BYTES = 256 * 1024;
export const MAX_DEPTH = 20;
/** Values in a policy: a policy of some hundred rules has some thousand. */
const MAX_NODES = 20_000;
/** Faults said at once: who has more has one cause for most of them. */
export const MAX_FAULTS = 100;

export interface YamlText {
  root?: TextNode;
  diagnostics: Diagnostic[];
}

export function readYaml(text: string, file: string): YamlText {
  const diagnostics: Diagnostic[] = [];
  const lines = new LineCounter();
  const spanAt = (from: number, to: number): Span => {
    const { line, col } = lines.linePos(from);
    return {
      line: Math.max(1, line),
      column: Math.max(1, col),
      offset: from,
      length: Math.max(1, to - from),
    };
  };
  const report = (code: string, span: Span, message: string, help?: string): void => {
    if (diagnostics.length > MAX_FAULTS) return;
    diagnostics.push({
      code,
      severity: 'error',
      file,
      span,
      message,
      ...(help === undefined ? {} : { help }),
    });
  };
  const start: Span = { line: 1, column: 1, offset: 0, length: 1 };

  if (new TextEncoder().encode(text).length > MAX_BYTES) {
    report('too-large', start, `a policy may not be larger than ${MAX_BYTES / 1024} KiB`);
    return { diagnostics };
  }
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: false, // said below, in one pass: the reader compares each key with every other
      merge: false,
      prettyErrors: false,
      lineCounter: lines,
    });
  } catch (error) {
    // The parser calls itself for each level: a text nested without end runs it out of stack.
    const isDeep = error instanceof RangeError;
    report(
      isDeep ? 'too-deep' : 'syntax',
      start,
      isDeep ? `nested deeper than ${MAX_DEPTH} levels` : 'this is not YAML',
    );
    return { diagnostics };
  }
  reportCharacters(text, spanAt, report);
  const [document, second] = 'empty' in documents ? [] : documents;
  if (document === undefined) {
    report('empty', start, 'the file holds no policy', 'write at least `version: 1`');
    return { diagnostics };
  }
  if (second !== undefined) {
    report(
      'second-document',
      spanAt(second.range?.[0] ?? 0, (second.range?.[0] ?? 0) + 3),
      'a policy is one YAML document; a second one starts here',
    );
  }
  for (const fault of [...document.errors, ...document.warnings].slice(0, MAX_FAULTS)) {
    if (fault.code === 'MULTIPLE_DOCS' || fault.code === 'TAB_AS_INDENT') continue; // said above
    report(
      CODES[fault.code] ?? 'syntax',
      spanAt(fault.pos[0], fault.pos[1]),
      toMessage(fault.message),
    );
  }

  let nodes = 0;
  function convert(node: YamlNode | null, depth: number, fallback: Span): TextNode {
    if (node === null || ++nodes > MAX_NODES)
      return { kind: 'scalar', value: null, span: fallback };
    const [from, to] = node.range ?? [fallback.offset, fallback.offset + 1, 0];
    const span = spanAt(from, to);
    if (depth > MAX_DEPTH) {
      report('too-deep', span, `nested deeper than ${MAX_DEPTH} levels`);
      return { kind: 'scalar', value: null, span };
    }
    if (isAlias(node)) {
      report('alias', span, 'aliases are not read in a policy', 'write the value out');
      return { kind: 'scalar', value: null, span };
    }
    if (node.anchor !== undefined)
      report('anchor', span, 'anchors are not read in a policy', 'write the value out');
    if (node.tag !== undefined)
      report('tag', span, `the tag "${node.tag}" is not read in a policy`);
    if (isMap(node)) {
      const entries = node.items.flatMap((pair) => convertPair(pair, depth, span));
      reportTwins(entries);
      return { kind: 'map', entries, span };
    }
    if (isSeq(node)) {
      return {
        kind: 'list',
        items: node.items.map((item) =>
          convert(isPair(item) ? null : (item as YamlNode | null), depth + 1, span),
        ),
        span,
      };
    }
    return { kind: 'scalar', value: isScalar(node) ? toScalar(node.value) : null, span };
  }

  function convertPair(pair: Pair, depth: number, around: Span): MapNode['entries'] {
    const key = pair.key as YamlNode | null;
    const keySpan = key?.range ? spanAt(key.range[0], key.range[1]) : around;
    if (key === null || !isScalar(key) || typeof key.value !== 'string') {
      report('key', keySpan, 'a key is a plain word');
      return [];
    }
    if (key.anchor !== undefined) report('anchor', keySpan, 'anchors are not read in a policy');
    if (key.tag !== undefined)
      report('tag', keySpan, `the tag "${key.tag}" is not read in a policy`);
    return [
      {
        key: key.value,
        keySpan,
        value: convert(pair.value as YamlNode | null, depth + 1, keySpan),
      },
    ];
  }

  function reportTwins(entries: MapNode['entries']): void {
    const seen = new Set<string>();
    for (const { key, keySpan } of entries) {
      if (seen.has(key)) report('duplicate-key', keySpan, 'this key stands twice in one map');
      seen.add(key);
    }
  }

  const root = convert(document.contents, 0, start);
  if (nodes > MAX_NODES) {
    report('too-large', start, `a policy may not hold more than ${MAX_NODES} values`);
    return { diagnostics: unique(diagnostics) };
  }
  return diagnostics.length > 0
    ? { root, diagnostics: unique(diagnostics) }
    : { root, diagnostics };
}

function toScalar(value: unknown): string | number | boolean | null {
  const isPlain =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isPlain ? value : null;
}

const CODES: Record<string, string> = {
  TAG_RESOLVE_FAILED: 'tag',
  BAD_ALIAS: 'alias',
};

function toMessage(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
}

/** Characters that hide what a text says, or that make two readers see two texts. */
function reportCharacters(
  text: string,
  spanAt: (from: number, to: number) => Span,
  report: (code: string, span: Span, message: string, help?: string) => void,
): void {
  const SUSPECT =
    /[\t\ufeff\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g;
  let seen = 0;
  for (const match of text.matchAll(SUSPECT)) {
    if (++seen > 20) return;
    const span = spanAt(match.index, match.index + 1);
    if (match[0] === '\t')
      report(
        'tab',
        span,
        'a tab; YAML is indented with spaces',
        'write spaces, or "\\t" in quotes',
      );
    else if (match[0] === '\ufeff')
      report('bom', span, 'a byte order mark', 'save the file as UTF-8 without one');
    else
      report(
        'control-character',
        span,
        `the invisible character U+${match[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`,
      );
  }
}

/** The YAML reader says some faults twice: one for each code and place is enough, and none for what follows from another. */
function unique(diagnostics: Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  const hasTab = diagnostics.some(({ code }) => code === 'tab');
  return diagnostics.filter(({ code, span }) => {
    if (hasTab && (code === 'syntax' || code === 'key')) return false; // what a tab does to the lines around it
    const key = `${code}:${span.offset}`;
    return seen.has(key) ? false : seen.add(key) !== undefined;
  });
}

export function entryOf(
  node: TextNode | undefined,
  key: string,
): MapNode['entries'][number] | undefined {
  return node?.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined;
}

export function childOf(node: TextNode | undefined, key: string): TextNode | undefined {
  return entryOf(node, key)?.value;
}

export function itemsOf(node: TextNode | undefined): TextNode[] {
  return node?.kind === 'list' ? node.items : [];
}

export function stringOf(node: TextNode | undefined): string | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

export function numberOf(node: TextNode | undefined): number | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
}

/** A list as it stands, or a single value as a list of one. */
export function listOf(node: TextNode | undefined): TextNode[] {
  if (node === undefined) return [];
  return node.kind === 'list' ? node.items : [node];
}

/** The plain data of a node. */
export function jsonOf(node: TextNode): Json {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(jsonOf);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, jsonOf(value)]));
}

export function isEmptyNode(node: TextNode | undefined): boolean {
  if (node === undefined) return true;
  if (node.kind === 'scalar') return node.value === null;
  return node.kind === 'list' ? node.items.length === 0 : node.entries.length === 0;
}
