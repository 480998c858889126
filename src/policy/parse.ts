// Policy text to document: every fault at once, each with its place. Nothing here throws on what the text says.
import type { Diagnostic, Span } from '../model/diagnostic.ts';
import type { Limits, RuleOrigin } from '../model/policy.ts';
import { checkSchema } from './check-schema.ts';
import { hasErrors, sortDiagnostics } from './diagnostic.ts';
import type { DocumentSections, PolicyDocument, PolicyTest } from './document.ts';
import { faultOfRequest } from './request-syntax.ts';
import { parseDuration, parseSize } from './quantity.ts';
import type { Reporter } from './reporter.ts';
import { readSections } from './rules.ts';
import { POLICY_SCHEMA } from './schema.ts';
import { nearest } from './spelling.ts';
import { refuseUnenforced } from './unenforced.ts';
import { readWorkflow } from './workflow.ts';
import {
  childOf,
  entryOf,
  itemsOf,
  listOf,
  MAX_FAULTS,
  numberOf,
  readYaml,
  stringOf,
  type TextNode,
} from './yaml-text.ts';

export interface ParsedPolicy {
  /** absent when a diagnostic is an error */
  document?: PolicyDocument;
  diagnostics: Diagnostic[];
}

export function parsePolicy(text: string, file: string): ParsedPolicy {
  const { root, diagnostics } = readYaml(text, file);
  if (root === undefined) return { diagnostics: capped(diagnostics, file) };
  diagnostics.push(...checkSchema(root, POLICY_SCHEMA, file));
  const add =
    (severity: Diagnostic['severity']) =>
    (code: string, span: Span, message: string, help?: string): void =>
      void diagnostics.push({
        code,
        severity,
        file,
        span,
        message,
        ...(help === undefined ? {} : { help }),
      });
  const report: Reporter = { file, error: add('error'), warn: add('warning') };
  refuseUnenforced(root, report);
  const document = readDocument(root, report);
  return hasErrors(diagnostics)
    ? { diagnostics: capped(diagnostics, file) }
    : { document, diagnostics: capped(diagnostics, file) };
}

/** The first faults of a hopeless file, and that there are more. */
function capped(diagnostics: Diagnostic[], file: string): Diagnostic[] {
  if (diagnostics.length <= MAX_FAULTS) return diagnostics;
  const shown = sortDiagnostics(diagnostics).sort((a, b) =>
    a.severity < b.severity ? -1 : a.severity > b.severity ? 1 : 0,
  );
  const [last] = shown.splice(MAX_FAULTS);
  const span = last?.span ?? { line: 1, column: 1, offset: 0, length: 1 };
  const severity = hasErrors(diagnostics) ? 'error' : 'warning';
  return [
    ...shown,
    { code: 'too-many', severity, file, span, message: 'and more faults, from here on' },
  ];
}

function readDocument(root: TextNode, report: Reporter): PolicyDocument {
  const origin = childOf(root, 'origin');
  const repository = stringOf(origin);
  const mode = stringOf(childOf(root, 'mode'));
  const max = entryOf(root, 'max');
  const sections = readSections(root, '', report);
  const ceiling = max === undefined ? undefined : readSections(max.value, 'max.', report);
  refuseTwins([sections, ceiling], report);
  checkServers(sections, report);
  warnOfPrivate(sections, report);
  return {
    file: report.file,
    ...sections,
    ...(origin !== undefined && repository !== undefined
      ? { origin: { repository, span: origin.span } }
      : {}),
    ...(mode === 'enforce' || mode === 'audit' ? { mode } : {}),
    extends: listOf(childOf(root, 'extends')).flatMap((node) => {
      const name = stringOf(node);
      return name === undefined ? [] : { name, span: node.span };
    }),
    ...(max === undefined || ceiling === undefined
      ? {}
      : { max: ceiling, maxLine: max.keySpan.line }),
    limits: readLimits(childOf(root, 'limits'), report),
    workflow: readWorkflow(root, report),
    require: readRequire(childOf(root, 'require')),
    lock: readLock(childOf(root, 'lock'), report),
    mentions: mentionsOf(root),
    tests: readTests(childOf(root, 'tests'), report),
  };
}

function readRequire(node: TextNode | undefined): PolicyDocument['require'] {
  return {
    ...(stringOf(childOf(node, 'isolation')) === 'hardware' && { isolation: 'hardware' }),
    ...(stringOf(childOf(node, 'identity')) === 'oidc' && { identity: 'oidc' }),
  };
}

function readLimits(node: TextNode | undefined, report: Reporter): Partial<Limits> {
  const limits: Partial<Limits> = {};
  for (const key of ['cpus', 'processes', 'denials'] as const) {
    const value = numberOf(childOf(node, key));
    if (value !== undefined) limits[key] = value;
  }
  for (const key of ['memory', 'disk', 'egress', 'timeout'] as const) {
    const entry = entryOf(node, key);
    const text = stringOf(entry?.value);
    if (entry === undefined || text === undefined) continue;
    const value = key === 'timeout' ? parseDuration(text) : parseSize(text);
    if (value !== undefined) limits[key] = value;
    else
      report.error(
        'value',
        entry.value.span,
        `\`limits.${key}\` may not be "${text}"`,
        'it must be more than nothing',
      );
  }
  return limits;
}

/** The keys a `lock` may name: those of the first two levels, and the sections of `max`. */
const LOCKABLE: readonly string[] = Object.entries(POLICY_SCHEMA.properties ?? {}).flatMap(
  ([key, schema]) => {
    const section =
      schema.$ref === undefined
        ? schema
        : POLICY_SCHEMA.$defs?.[schema.$ref.slice('#/$defs/'.length)];
    return [key, ...Object.keys(section?.properties ?? {}).map((child) => `${key}.${child}`)];
  },
);

function readLock(node: TextNode | undefined, report: Reporter): string[] {
  let unknown = 0;
  return itemsOf(node).flatMap((item) => {
    const key = stringOf(item);
    if (key === undefined) return [];
    if (LOCKABLE.includes(key)) return [key];
    if (++unknown > MAX_FAULTS) return [];
    const near = nearest(key, LOCKABLE);
    report.error(
      'unknown-key',
      item.span,
      `\`lock\` names no key of a policy: "${key}"`,
      near && `did you mean \`${near}\`?`,
    );
    return [];
  });
}

function readTests(node: TextNode | undefined, report: Reporter): PolicyTest[] {
  return itemsOf(node).flatMap((item) => {
    const request = stringOf(childOf(item, 'request'));
    const expect = stringOf(childOf(item, 'expect'));
    const rule = stringOf(childOf(item, 'rule'));
    const fault = request === undefined ? undefined : faultOfRequest(request);
    if (fault !== undefined)
      report.error('value', childOf(item, 'request')?.span ?? item.span, fault);
    if (request === undefined || (expect !== 'allow' && expect !== 'deny' && expect !== 'private'))
      return [];
    return { request, expect, ...(rule === undefined ? {} : { rule }), span: item.span };
  });
}

function mentionsOf(root: TextNode): Record<string, Span> {
  const mentions: Record<string, Span> = {};
  const visit = (node: TextNode, prefix: string, depth: number): void => {
    if (node.kind !== 'map') return;
    for (const { key, keySpan, value } of node.entries) {
      mentions[`${prefix}${key}`] = keySpan;
      if (depth < 3) visit(value, `${prefix}${key}.`, depth + 1);
    }
  };
  visit(root, '', 1);
  return mentions;
}

function refuseTwins(all: (DocumentSections | undefined)[], report: Reporter): void {
  const seen = new Map<string, number>();
  for (const sections of all) {
    if (sections === undefined) continue;
    for (const rule of [...rulesIn(sections), ...sections.credentials]) {
      if (rule.id === undefined) continue;
      const line = seen.get(rule.id);
      if (line === undefined) seen.set(rule.id, rule.line);
      else
        report.error(
          'duplicate-id',
          { line: rule.line, column: rule.column, offset: 0, length: 1 },
          `the id "${rule.id}" is taken by the rule in line ${line}`,
        );
    }
  }
}

/** The rules of all sections, and those of the sandboxes of their servers. */
function rulesIn({ network, filesystem, execution, mcp }: DocumentSections): RuleOrigin[] {
  const sandboxes = mcp.servers.flatMap(({ sandbox }) => (sandbox ? rulesIn(sandbox) : []));
  const sets = [network, filesystem, execution, mcp].flatMap(({ allow, deny }) => [
    ...allow,
    ...deny,
  ]);
  return [...sets, ...sandboxes];
}

/** Servers have names of their own, and use credentials of their own file alone. */
function checkServers({ mcp, credentials }: DocumentSections, report: Reporter): void {
  const seen = new Map<string, number>();
  for (const { id, line, column, credential } of mcp.servers) {
    const span = { line, column, offset: 0, length: 1 };
    const first = seen.get(id);
    if (first === undefined) seen.set(id, line);
    else
      report.error(
        'duplicate-id',
        span,
        `the server id "${id}" is taken by the server in line ${first}`,
      );
    if (credential === undefined) continue;
    const used = credentials.find((one) => one.id === credential);
    if (used === undefined)
      report.error(
        'value',
        span,
        `this file defines no credential "${credential}" for the server "${id}"`,
        'define it under `credentials`',
      );
    else if (used.provider === 'aws')
      report.error('conflict', span, 'requests to a server are not signed with keys of AWS');
  }
}

/** `private` is also a cap: the host's file never changes. A wider grant beside it does not come through there. */
function warnOfPrivate(sections: DocumentSections, report: Reporter): void {
  const privates = sections.filesystem.allow.filter((rule) => rule.access === 'private');
  for (const rule of sections.filesystem.allow) {
    if (rule.access !== 'write') continue;
    const cap = privates.find(
      (other) =>
        other.path === '.' ||
        other.path === rule.path ||
        rule.path.startsWith(`${other.path.replace(/\/(\*\*)?$/, '')}/`),
    );
    if (cap !== undefined)
      report.warn(
        'stays-private',
        { line: rule.line, column: rule.column, offset: 0, length: 1 },
        `writes here stay in the session: \`${cap.place}\` in line ${cap.line} keeps "${cap.path}" private`,
      );
  }
}
