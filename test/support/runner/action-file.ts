// An action's `action.yml`, as the runner reads it (ActionManifestManager.cs).

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

import type { StepFile } from './workflow-file.ts';

export interface ActionFile {
  folder: string;
  inputs: ReadonlyMap<string, { default?: unknown; deprecationMessage?: string }>;
  outputs: Readonly<Record<string, { value?: unknown }>>;
  runs: NodeRuns | CompositeRuns;
}

export interface NodeRuns {
  kind: 'node';
  using: 'node20' | 'node24';
  pre?: string;
  main: string;
  post?: string;
  preIf: unknown;
  postIf: unknown;
}

export interface CompositeRuns {
  kind: 'composite';
  steps: readonly StepFile[];
}

export function readAction(folder: string): ActionFile {
  const file = ['action.yml', 'action.yaml'].map((name) => join(folder, name)).find(existsSync);
  if (file === undefined)
    throw new Error(
      `Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '${folder}'. Did you forget to run actions/checkout before running your local action?`,
    );
  const raw = parse(readFileSync(file, 'utf8')) as {
    inputs?: Record<string, { default?: unknown; deprecationMessage?: string } | null>;
    outputs?: Record<string, { value?: unknown }>;
    runs?: Record<string, unknown>;
  };
  const inputs = Object.entries(raw.inputs ?? {}).map(
    ([name, input]) => [name.toLowerCase(), input ?? {}] as const,
  );
  return {
    folder,
    inputs: new Map(inputs),
    outputs: raw.outputs ?? {},
    runs: readRuns(file, raw.runs ?? {}),
  };
}

function readRuns(file: string, runs: Record<string, unknown>): NodeRuns | CompositeRuns {
  const { using } = runs;
  if (using === 'composite') {
    const steps = (runs['steps'] ?? []) as StepFile[];
    for (const step of steps)
      if (step.run !== undefined && step.shell === undefined)
        throw new Error(`${file}: Required property is missing: shell`);
    return { kind: 'composite', steps };
  }
  if (using !== 'node20' && using !== 'node24')
    throw new Error(`${file}: runs.using '${String(using)}' is not run here`);
  const { pre, main, post } = runs as Record<string, string | undefined>;
  if (main === undefined)
    throw new Error(
      `${file}: You are using a JavaScript Action but there is not an entry JavaScript file provided in action.yml.`,
    );
  return {
    kind: 'node',
    using,
    main,
    ...(pre === undefined ? {} : { pre }),
    ...(post === undefined ? {} : { post }),
    preIf: runs['pre-if'] ?? 'always()',
    postIf: runs['post-if'] ?? 'always()',
  };
}
