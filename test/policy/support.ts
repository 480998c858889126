// Small policies for tests, from texts.
import { createHash } from 'node:crypto';
import type { Decision } from '../../src/model/decision.ts';
import type { EffectivePolicy, Layer } from '../../src/model/policy.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { renderDiagnostics } from '../../src/policy/diagnostic.ts';
import type { LayerSource } from '../../src/policy/document.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { parseRequest } from '../../src/policy/request-syntax.ts';
import { type Resolution, type ResolveInput, resolvePolicy } from '../../src/policy/resolve.ts';
import { noSections } from '../../src/policy/sections.ts';
import { builtinLayer } from './random-policy.ts';

export const WORKSPACE = '/home/u/ws';
export const HOME = '/home/u';

export type Texts = [LayerSource['name'], string][];

export function hash(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** Each text is a layer of that name; `version: 1` is put before it. */
export function resolveTexts(texts: Texts, more: Partial<ResolveInput> = {}): Resolution {
  const sources = texts.map(([name, body], i): LayerSource => {
    const file = `${name}${i === 0 ? '' : i}.yml`;
    const text = `version: 1\n${body}\n`;
    const { document, diagnostics } = parsePolicy(text, file);
    if (document === undefined) throw new Error(renderDiagnostics(diagnostics, { [file]: text }));
    return { name, documents: [document], digest: hash(text) };
  });
  return resolvePolicy({
    workspace: WORKSPACE,
    home: HOME,
    builtin: builtinLayer(),
    sources,
    hash,
    ...more,
  });
}

export function policyOf(texts: Texts, more: Partial<ResolveInput> = {}): EffectivePolicy {
  const { policy, diagnostics } = resolveTexts(texts, more);
  if (policy === undefined) throw new Error(JSON.stringify(diagnostics));
  return policy;
}

export function decideText(policy: EffectivePolicy, text: string): Decision {
  const { request, error } = parseRequest(text, policy);
  if (request === undefined) throw new Error(error);
  return createDecider(policy)(request);
}

/** `allow by RULE`, `private by RULE`, `inspected by RULE` or `deny by RULE`. */
export function answer(policy: EffectivePolicy, text: string): string {
  const { effect, isPrivate, isInspected, rule } = decideText(policy, text);
  const how = isPrivate ? 'private' : isInspected ? 'inspected' : effect;
  return `${how} by ${rule.id}`;
}

export function emptyLayer(name: Layer['name']): Layer {
  return {
    name,
    file: name,
    digest: '',
    ...noSections(),
  };
}
