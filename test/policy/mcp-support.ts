// Policies with tool servers, and questions about calls.
import type { EffectivePolicy } from '../../src/model/policy.ts';
import type { Request } from '../../src/model/request.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { policyOf } from './support.ts';

export const SERVERS =
  'servers: [{id: files, command: [files-server]}, {id: gh, url: "https://mcp.example.com/mcp"}]';

/** A repo policy with two servers and these further keys of `mcp`. */
export const withRules = (mcp: string): EffectivePolicy =>
  policyOf([['repo', `mcp: {${SERVERS}, ${mcp}}`]]);

/** One allow of the tool `t` of `files` with these arguments. */
export const withArguments = (text: string): EffectivePolicy =>
  withRules(`allow: [{server: files, tools: [t], arguments: ${text}}]`);

export const effectOf = (policy: EffectivePolicy, request: Request): string =>
  createDecider(policy)(request).effect;

export const callWith = (args?: unknown): Request => ({
  kind: 'tool',
  server: 'files',
  tool: 't',
  ...(args !== undefined && { arguments: args }),
});

/** `code line:column` of every fault. */
export const faultsOf = (text: string): string[] =>
  parsePolicy(`version: 1\n${text}\n`, 'p.yml').diagnostics.map(
    ({ code, severity, span }) =>
      `${severity === 'warning' ? '(warning) ' : ''}${code} ${span.line}:${span.column}`,
  );

export const codesOf = (text: string): string[] => [
  ...new Set(parsePolicy(`version: 1\n${text}\n`, 'p.yml').diagnostics.map(({ code }) => code)),
];
