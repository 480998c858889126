// What GitHub says of a workflow or action file before anything of it runs, by GitHub's own parser: unknown keys, contexts that are
// not available where they are used, expressions that do not parse.

import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { parseAction } from '@actions/workflow-parser/actions/action-parser';
import type {
  NoOperationTraceWriter,
  convertWorkflowTemplate,
  parseWorkflow,
} from '@actions/workflow-parser';

interface Parser {
  parseWorkflow: typeof parseWorkflow;
  convertWorkflowTemplate: typeof convertWorkflowTemplate;
  parseAction: typeof parseAction;
  NoOperationTraceWriter: typeof NoOperationTraceWriter;
}

const ENTRY = `
export { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from '@actions/workflow-parser';
export { parseAction } from '@actions/workflow-parser/actions/action-parser';
`;

let loading: Promise<Parser> | undefined;

/** `FILE (Line: 3, Col: 5): what`; none for a good one. */
export async function faultsOfWorkflow(name: string, content: string): Promise<string[]> {
  const parser = await (loading ??= load());
  const trace = new parser.NoOperationTraceWriter();
  const { context, value } = parser.parseWorkflow({ name, content }, trace);
  // Conditions are looked at only when the file as a whole is made sense of.
  if (value !== undefined) await parser.convertWorkflowTemplate(context, value);
  return context.errors.getErrors().map(({ message }) => message);
}

export async function faultsOfAction(name: string, content: string): Promise<string[]> {
  const parser = await (loading ??= load());
  const { context } = parser.parseAction({ name, content }, new parser.NoOperationTraceWriter());
  return context.errors.getErrors().map(({ message }) => message);
}

/** Bundled first: as it is published, it imports JSON in a way that no Node takes. */
async function load(): Promise<Parser> {
  const folder = mkdtempSync(join(tmpdir(), 'workflow-parser-'));
  try {
    const outfile = join(folder, 'parser.mjs');
    await build({
      stdin: { contents: ENTRY, resolveDir: import.meta.dirname },
      ...{ bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'error' },
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
    });
    return (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as Parser;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
