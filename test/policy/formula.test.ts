// The evaluator against the naive reference, and the laws that layers obey.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecider } from '../../src/policy/decide.ts';
import { documents, layerStacks, requests, resolveStack, toRequest } from './random-policy.ts';
import { evaluate, type ReferenceLayer, type ReferenceRequest } from './reference.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const run = { seed, verbose: false };

function answer(layers: readonly ReferenceLayer[], asked: readonly ReferenceRequest[]): string[] {
  const decide = createDecider(resolveStack(layers));
  return asked.map((request) => {
    const { effect, isPrivate } = decide(toRequest(request));
    return effect === 'allow' && isPrivate ? 'private' : effect;
  });
}

const WIDTH = { deny: 0, private: 1, allow: 2 } as const;
const widthOf = (text: string): number => WIDTH[text as keyof typeof WIDTH];
const asked = fc.array(requests, { minLength: 6, maxLength: 6 });

describe(`layers and ceilings (seed ${seed})`, () => {
  test('the evaluator agrees with a naive reading of the formula', () => {
    fc.assert(
      fc.property(layerStacks, asked, (layers, list) => {
        expect(answer(layers, list)).toEqual(list.map((request) => evaluate(layers, request)));
      }),
      { ...run, numRuns: 2000 },
    );
  });

  test('the random requests are allowed, private and denied often enough to mean something', () => {
    const counts = { allow: 0, private: 0, deny: 0 };
    for (const [layers, list] of fc.sample(fc.tuple(layerStacks, asked), { seed, numRuns: 500 }))
      for (const request of list) counts[evaluate(layers, request)]++;
    expect(counts.allow).toBeGreaterThan(150);
    expect(counts.private).toBeGreaterThan(40);
    expect(counts.deny).toBeGreaterThan(150);
  });

  test('no lower layer widens what a ceiling above it leaves out', () => {
    fc.assert(
      fc.property(documents, layerStacks, documents, asked, (org, between, repo, list) => {
        const above: ReferenceLayer[] = [{ name: 'org', document: org }];
        const below = [
          ...between.filter((layer) => layer.name === 'team' || layer.name === 'user'),
          { name: 'repo' as const, document: repo },
        ];
        const alone = answer(above, list);
        const all = answer([...above, ...below], list);
        list.forEach((request, i) => {
          // Outside both the org's own grants and its ceiling (seen as grants), the layers below add nothing.
          const most = evaluate([{ name: 'org', document: mergeCeiling(org) }], request);
          if (widthOf(all[i] ?? '') > widthOf(alone[i] ?? ''))
            expect(widthOf(most), JSON.stringify(request)).toBeGreaterThanOrEqual(
              widthOf(all[i] ?? ''),
            );
        });
      }),
      { ...run, numRuns: 300 },
    );
  });

  test('adding a deny to any layer never allows more', () => {
    fc.assert(
      fc.property(layerStacks, documents, fc.nat(), asked, (layers, extra, at, list) => {
        if (layers.length === 0) return;
        const changed = layers.map((layer, i) =>
          i !== at % layers.length
            ? layer
            : {
                ...layer,
                document: {
                  ...layer.document,
                  ...Object.fromEntries(
                    (['network', 'filesystem', 'execution'] as const).flatMap((key) => {
                      const own = layer.document[key];
                      const denies = [...(own?.deny ?? []), ...(extra[key]?.deny ?? [])];
                      return denies.length === 0 ? [] : [[key, { ...own, deny: denies }]];
                    }),
                  ),
                },
              },
        );
        const before = answer(layers, list);
        answer(changed, list).forEach((after, i) =>
          expect(widthOf(after)).toBeLessThanOrEqual(widthOf(before[i] ?? '')),
        );
      }),
      { ...run, numRuns: 300 },
    );
  });

  test('the order in which teams are loaded changes nothing', () => {
    fc.assert(
      fc.property(layerStacks, asked, (layers, list) => {
        const teams = layers.filter((layer) => layer.name === 'team');
        const turned = [
          ...layers.filter((l) => l.name === 'org'),
          ...teams.reverse(),
          ...layers.filter((l) => l.name === 'user' || l.name === 'repo'),
        ];
        expect(answer(turned, list)).toEqual(answer(layers, list));
      }),
      { ...run, numRuns: 200 },
    );
  });
});

/** The org's document with its ceiling written among its own grants: the most that can be allowed below it. */
function mergeCeiling(org: ReferenceLayer['document']): ReferenceLayer['document'] {
  const { max, ...own } = org;
  const merged = { ...own };
  for (const key of ['network', 'filesystem', 'execution'] as const) {
    const allow = [...(own[key]?.allow ?? []), ...(max?.[key]?.allow ?? []).map((rule) => rule)];
    if (own[key]?.allow !== undefined || max?.[key]?.allow !== undefined)
      merged[key] = { ...own[key], allow };
  }
  return merged;
}
