// One policy file as data, before it is put under or over others: paths are still as their author wrote them.
import type { Span } from '../model/diagnostic.ts';
import type {
  LayerName,
  Limits,
  McpSection,
  Mode,
  Sections,
  WrittenServer,
} from '../model/policy.ts';

/** A list whose mere presence narrows what the builtin layer grants by default. */
export type StatedList = 'filesystem.allow' | 'execution.allow';

export interface DocumentServer extends Omit<WrittenServer, 'sandbox'> {
  sandbox?: DocumentSections;
}

export interface DocumentMcp extends Omit<McpSection, 'servers'> {
  servers: DocumentServer[];
}

export interface DocumentSections extends Omit<Sections, 'narrows' | 'mcp'> {
  mcp: DocumentMcp;
  states: StatedList[];
  user?: 'agent' | 'root';
}

export interface PolicyTest {
  request: string;
  expect: 'allow' | 'deny' | 'private';
  rule?: string;
  span: Span;
}

/** `workflow` as a file has it. Absent: the file says nothing of it. */
export interface WorkflowSection {
  outputs?: boolean;
  env?: string[];
  path?: boolean;
}

export interface PolicyDocument extends DocumentSections {
  file: string;
  origin?: { repository: string; span: Span };
  mode?: Mode;
  /** names in policy-templates/, or files beside this one */
  extends: { name: string; span: Span }[];
  max?: DocumentSections;
  maxLine?: number;
  limits: Partial<Limits>;
  workflow: WorkflowSection;
  require: { isolation?: 'hardware'; identity?: 'oidc'; log?: string[] };
  /** keys that lower layers may not mention */
  lock: string[];
  /** every key of the first three levels that the file mentions, dotted, and where */
  mentions: Record<string, Span>;
  tests: PolicyTest[];
}

/** A written layer: its own document first, then those it extends. */
export interface LayerSource {
  name: Exclude<LayerName, 'builtin' | 'run'>;
  documents: [PolicyDocument, ...PolicyDocument[]];
  /** `sha256:` of the source texts */
  digest: string;
}
