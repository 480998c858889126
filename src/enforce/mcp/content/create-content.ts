// Reads the contents of messages, both ways. Nothing here remembers a message; what is kept between them is in `window.ts`.

import type { Json, JsonObject } from '../../../model/credential.ts';
import type { SecretAction } from '../../../model/mcp.ts';
import type { Content, Finding, Reading } from '../content.ts';
import { cleanMessage } from './clean.ts';
import { definitionFindings } from './definition.ts';
import { createFindings, createFingerprints } from './findings.ts';
import type { Findings } from './findings.ts';
import { createNameReader } from './names.ts';
import { createKnown } from './known.ts';
import type { KnownValues } from './known.ts';
import { findInjection } from './injection.ts';
import { readLeaves, textAt } from './leaves.ts';
import type { Leaves } from './leaves.ts';
import { findExfiltration, oddLinks } from './links.ts';
import { noteOpaque } from './opaque.ts';
import { fitsOutputSchema } from './output-schema.ts';
import { redact } from './redact.ts';
import { findSecrets, leafOf } from './secrets.ts';
import type { FoundSecrets, SecretHit } from './secrets.ts';
import { annotate, applyRule, bodyOf } from './results.ts';
import { isObject } from './shape.ts';
import { createWindow } from './window.ts';
import type { Window } from './window.ts';

export interface ContentOptions {
  known: KnownValues;
  secrets: { arguments: Exclude<SecretAction, 'redact'>; results: SecretAction };
  /** of the session: fingerprints are under it */
  key: Buffer;
  /** `sha256:` of texts that look like a secret and are none, such as keys of tests; a live value is never one of them */
  allowed?: readonly string[];
  /** of an outgoing text that nobody can read, in characters; longer ones are refused. Without it they are only told of */
  maxOpaque?: number;
  /** milliseconds that only grow */
  now?: () => number;
}

type Fingerprints = ReturnType<typeof createFingerprints>;

/** Says nothing of what is looked for: whoever is refused may ask again and again. */
const OUTGOING_REASON = 'the message holds something that may not leave';

export function createContent(options: ContentOptions): Content {
  const { key, secrets, now = () => performance.now() } = options;
  const knownNow = createKnown(options.known);
  const allowed = new Set(options.allowed ?? []);
  const windows = { outgoing: new Map<string, Window>(), incoming: new Map<string, Window>() };

  function search(way: keyof typeof windows, server: string, leaves: Leaves): FoundSecrets {
    let window = windows[way].get(server);
    if (window === undefined) windows[way].set(server, (window = createWindow(now)));
    return findSecrets(leaves, { known: knownNow(), window, allowed });
  }

  function note(findings: Findings, leaves: Leaves, hits: readonly SecretHit[]): Fingerprints {
    const fingerprintOf = createFingerprints(key);
    const noted = new Set<string>();
    for (const hit of hits) {
      if (findings.isFull) break;
      const { detector } = hit;
      const leaf = leafOf(leaves, hit);
      const fingerprint = fingerprintOf(hit.value);
      const id = `${detector} ${leaf} ${fingerprint}`;
      if (noted.has(id)) continue;
      noted.add(id);
      findings.add({ detector, place: leaves.place(leaf), fingerprint });
    }
    return fingerprintOf;
  }

  return {
    outgoing: (server, params) => {
      const findings = createFindings();
      const leaves = readLeaves(params);
      let hasSecretKey = true; // until it is known
      const refuse = (): Reading<JsonObject> => ({
        action: 'block',
        reason: OUTGOING_REASON,
        findings: placed(findings.list(), hasSecretKey),
      });
      if (leaves.isTooDeep) findings.add({ detector: 'limit:depth', place: '' });
      if (leaves.isTooDeep) return refuse();
      const { hits, isCut } = search('outgoing', server, leaves);
      hasSecretKey = isCut || hits.some(isInKey);
      note(findings, leaves, hits);
      const isSecret = isCut || hits.some((hit) => hit.isCertain);
      if (isSecret && secrets.arguments === 'block') return refuse();
      const longest = noteOpaque(leaves, findings);
      if (options.maxOpaque !== undefined && longest > options.maxOpaque) return refuse();
      return { action: 'pass', value: params, findings: placed(findings.list(), hasSecretKey) };
    },
    incoming: (server, message, rule) => {
      const findings = createFindings();
      let hasSecretKey = true; // until it is known
      const refuse = (reason: string): Reading<Json> => ({
        action: 'block',
        reason: `result withheld: ${reason}`,
        findings: placed(findings.list(), hasSecretKey),
      });
      const { body, kind, put } = bodyOf(message);
      const ruled = applyRule(body, rule, findings);
      if (ruled.action === 'block') return refuse(ruled.reason);
      const read = readLeaves(ruled.value);
      if (read.isTooDeep) {
        findings.add({ detector: 'limit:depth', place: '' });
        return refuse('depth');
      }
      const cleaned = cleanMessage(ruled.value, read, findings);
      if (cleaned === undefined) return refuse('invisible-unicode');
      const { leaves } = cleaned;
      const { hits, isCut } = search('incoming', server, leaves);
      hasSecretKey = isCut || hits.some(isInKey);
      const fingerprintOf = note(findings, leaves, hits);
      const certain = hits.filter((hit) => hit.isCertain);
      if (secrets.results !== 'report' && isCut) return refuse('secret');
      if (secrets.results === 'block' && certain.length > 0) return refuse('secret');
      noteInstructions(leaves, findings);
      if (kind === 'result' && isObject(cleaned.message))
        for (const place of oddLinks(cleaned.message))
          findings.add({ detector: 'odd-link', place });
      if (!fitsOutputSchema(cleaned.message, rule, findings)) return refuse('schema');
      const redacted =
        secrets.results === 'redact' && certain.length > 0
          ? redact(cleaned.message, leaves, certain, (hit) => markOf(hit, fingerprintOf))
          : cleaned.message;
      if (redacted === undefined) return refuse('secret');
      const list = placed(findings.list(), hasSecretKey);
      return { action: 'pass', value: put(annotate(redacted, kind, list)), findings: list };
    },
    name: createNameReader({
      known: knownNow,
      allowed,
      now,
      markOf: (hit) => markOf(hit, createFingerprints(key)),
    }),
    definition: definitionFindings,
  };
}

const isInKey = (hit: SecretHit): boolean => hit.in === 'others';

/** Places name keys: where a key holds a secret, none is told, to the agent or to the log. */
function placed(list: Finding[], hasSecretKey: boolean): Finding[] {
  return hasSecretKey ? list.map((finding) => ({ ...finding, place: '' })) : list;
}

function markOf({ detector, value }: SecretHit, fingerprintOf: Fingerprints): string {
  return `[REDACTED:${detector}:${fingerprintOf(value)}]`;
}

/** Whatever lies in a result is read by a model: it is told where it should be wary. */
function noteInstructions(leaves: Leaves, findings: Findings): void {
  for (const texts of [leaves.values, leaves.others]) {
    const found = findInjection(texts);
    if (found !== undefined)
      findings.add({ detector: 'injection', place: placeAt(leaves, texts, found) });
  }
  const at = findExfiltration(leaves.values.joined);
  if (at !== undefined)
    findings.add({ detector: 'exfiltration-link', place: placeAt(leaves, leaves.values, at) });
}

function placeAt(leaves: Leaves, texts: Leaves['values'], at: number): string {
  return leaves.place(texts.leaves[textAt(texts, at)] ?? 0);
}
