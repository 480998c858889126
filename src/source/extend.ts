// A policy file with all that it extends: templates by name, and files beside it. Nothing outside its directory is read.
import { realpathSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Diagnostic, Span } from '../model/diagnostic.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { parsePolicy } from '../policy/parse.ts';
import { readPolicyFile } from './file.ts';

const MAX_DEPTH = 8;
const TEMPLATE_NAME = /^[a-z0-9][a-z0-9-]*$/;

export interface ReadOptions {
  /** directory of the templates */
  templates: string;
  /** how a path is called in messages */
  nameOf: (path: string) => string;
  /** gathers the text of every file read, by the name it has in messages */
  texts: Record<string, string>;
  /** gathers the real path of every file read */
  paths: string[];
}

export interface ReadDocuments {
  /** the file's own document first; absent when a diagnostic is an error */
  documents?: [PolicyDocument, ...PolicyDocument[]];
  diagnostics: Diagnostic[];
}

/** Reads the text of a file that exists, and everything it extends. */
export function readDocuments(path: string, text: string, options: ReadOptions): ReadDocuments {
  const diagnostics: Diagnostic[] = [];
  const documents: PolicyDocument[] = [];
  const done = new Set<string>();
  let isComplete = true;
  const fail = (file: string, span: Span, code: string, message: string, help?: string): void => {
    isComplete = false;
    diagnostics.push({
      code,
      severity: 'error',
      file,
      span,
      message,
      ...(help === undefined ? {} : { help }),
    });
  };

  function visit(file: string, content: string, trail: string[]): void {
    const real = realpathSync.native(file);
    if (done.has(real)) return;
    done.add(real);
    options.paths.push(real);
    const name = options.nameOf(file);
    options.texts[name] = content;
    const parsed = parsePolicy(content, name);
    diagnostics.push(...parsed.diagnostics);
    if (parsed.document === undefined) {
      isComplete = false;
      return;
    }
    documents.push(parsed.document);
    for (const { name: wanted, span } of parsed.document.extends)
      extend(file, name, wanted, span, [...trail, real]);
  }

  function extend(from: string, name: string, wanted: string, span: Span, trail: string[]): void {
    if (trail.length > MAX_DEPTH)
      return fail(name, span, 'extends', `policies extend one another more than ${MAX_DEPTH} deep`);
    const isTemplate = TEMPLATE_NAME.test(wanted);
    const root = isTemplate ? options.templates : dirname(from);
    if (
      !isTemplate &&
      (wanted.startsWith('/') || wanted.startsWith('~') || wanted.split('/').includes('..'))
    )
      return fail(
        name,
        span,
        'extends',
        `"${wanted}" leads out of the directory of this file`,
        'name a template, or a file beside this one such as ./team.yml',
      );
    const target = isTemplate ? join(root, `${wanted}.yml`) : join(root, wanted);
    const result = readPolicyFile(target);
    if (result.status === 'absent')
      return fail(
        name,
        span,
        'extends',
        isTemplate
          ? `there is no template "${wanted}"`
          : `there is no file "${wanted}" beside this one`,
        isTemplate ? 'a file beside this one is written ./NAME.yml' : undefined,
      );
    if (result.status === 'unreadable')
      return fail(name, span, 'extends', `"${wanted}" cannot be read: ${result.message}`);
    const real = realpathSync.native(target);
    // A link beside the file may still lead out of its directory.
    if (relative(realpathSync.native(root), real).startsWith('..'))
      return fail(name, span, 'extends', `"${wanted}" is a link that leads out of its directory`);
    if (trail.includes(real))
      return fail(name, span, 'extends', `"${wanted}" extends this file in turn`);
    visit(target, result.text, trail);
  }

  visit(path, text, []);
  const [own, ...rest] = documents;
  if (!isComplete || own === undefined) return { diagnostics };
  return { documents: [own, ...rest], diagnostics };
}
