// The judge of arguments beside another implementation of JSON Schema, on what both know.
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Json } from '../../src/model/credential.ts';
import type { ArgumentSchema } from '../../src/model/mcp.ts';
import { createArgumentsJudge, createJudgement } from '../../src/policy/argument-judge.ts';
import { isSchemaWithin } from '../../src/policy/argument-within.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const run = { seed, numRuns: 2000 };
const KEYS = ['a', 'b', '__proto__', 'constructor'];

const texts = fc.oneof(
  fc.constantFrom('', 'a', 'ab', 'abc', 'A', '1', '\ud83d\ude00'),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
);
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    texts,
    fc.constantFrom<Json>(0, 1, 2, -1, 1.5, 1e21, true, false, null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .uniqueArray(fc.tuple(fc.constantFrom(...KEYS), tie('value')), {
        maxLength: 3,
        selector: ([key]) => key,
      })
      .map((entries) => Object.fromEntries(entries) as Json),
  ),
}));

const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(one, { nil: undefined, freq: 2 });
const small = fc.integer({ min: 0, max: 3 });
const { schema } = fc.letrec<{ schema: ArgumentSchema }>((tie) => ({
  schema: fc
    .record({
      type: maybe(
        fc.subarray(['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'], {
          minLength: 1,
        }),
      ),
      enum: maybe(maybe(fc.array(value, { minLength: 1, maxLength: 3 }))),
      const: maybe(maybe(maybe(value))),
      pattern: maybe(fc.constantFrom('a', '^a', 'b$', '^[a-z]*$', 'a+b?', '.')),
      minLength: maybe(small),
      maxLength: maybe(small),
      minimum: maybe(small),
      maximum: maybe(small),
      minItems: maybe(small),
      maxItems: maybe(small),
      items: fc.option(tie('schema'), { nil: undefined, freq: 1, maxDepth: 2 }),
      properties: fc.option(
        fc
          .uniqueArray(fc.tuple(fc.constantFrom(...KEYS), tie('schema')), {
            maxLength: 3,
            selector: ([key]) => key,
          })
          .map((entries) => Object.fromEntries(entries)),
        { nil: undefined, freq: 1, maxDepth: 2 },
      ),
      required: maybe(fc.subarray(KEYS)),
      additionalProperties: maybe(fc.boolean()),
    })
    .map(
      (one) =>
        Object.fromEntries(
          Object.entries(one).filter(([, part]) => part !== undefined),
        ) as ArgumentSchema,
    ),
}));

/** Every schema says whether there may be other keys: what is assumed where nothing is said is this program's own. */
function explicit(one: ArgumentSchema, others: boolean): ArgumentSchema {
  const { items, properties } = one;
  return {
    additionalProperties: others,
    ...one,
    ...(items && { items: explicit(items, others) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, part]) => [key, explicit(part, others)]),
      ),
    }),
  };
}

const ajv = new Ajv2020({
  strict: false,
  validateFormats: false,
  unicodeRegExp: true,
  ownProperties: true,
});

describe(`the judge of arguments (seed ${seed})`, () => {
  test('agrees with ajv, in a deny as it is written', () => {
    const counts = { fit: 0, not: 0 };
    fc.assert(
      fc.property(schema, fc.array(value, { minLength: 4, maxLength: 4 }), (one, values) => {
        const stated = explicit(one, true);
        const validate = ajv.compile(stated);
        const fits = createJudgement(stated, 'deny');
        for (const given of values) {
          const expected = validate(given);
          counts[expected ? 'fit' : 'not']++;
          expect(fits(given), JSON.stringify([stated, given])).toBe(expected);
        }
      }),
      run,
    );
    expect(counts.fit).toBeGreaterThan(300);
    expect(counts.not).toBeGreaterThan(300);
  });

  test('agrees with ajv, in an allow with patterns that must match all', () => {
    const anchored = (one: ArgumentSchema): ArgumentSchema => {
      const { pattern, items, properties } = one;
      return {
        ...one,
        ...(pattern !== undefined && { pattern: `^(?:${pattern})$` }),
        ...(items && { items: anchored(items) }),
        ...(properties && {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, part]) => [key, anchored(part)]),
          ),
        }),
      };
    };
    fc.assert(
      fc.property(schema, fc.array(value, { minLength: 4, maxLength: 4 }), (one, values) => {
        const stated = explicit(one, false);
        const validate = ajv.compile(anchored(stated));
        const fits = createJudgement(stated, 'allow');
        for (const given of values)
          expect(fits(given), JSON.stringify([stated, given])).toBe(validate(given));
      }),
      run,
    );
  });

  test('takes what it does not name for nothing', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...KEYS), schema, { maxKeys: 3 }),
        fc.dictionary(fc.constantFrom(...KEYS, 'c'), value, { maxKeys: 4 }),
        (schemas, given) => {
          const fits = createArgumentsJudge(schemas, 'allow').speaksOf(given);
          const naive =
            Object.keys(given).every((key) => Object.hasOwn(schemas, key)) &&
            Object.entries(schemas).every(
              ([key, one]) =>
                Object.hasOwn(given, key) && createJudgement(one, 'allow')(given[key]),
            );
          expect(fits).toBe(naive);
        },
      ),
      run,
    );
  });

  test('of two schemas that are said to lie within one another never lets the inner one hold more', () => {
    let within = 0;
    fc.assert(
      fc.property(
        schema,
        schema,
        fc.boolean(),
        fc.array(value, { minLength: 8, maxLength: 8 }),
        (a, b, same, values) => {
          // Mostly apart: so often enough one is made of the other.
          const inner = same ? { ...b, ...a } : a;
          if (!isSchemaWithin(inner, b)) return;
          within++;
          const [fitsInner, fitsOuter] = [
            createJudgement(inner, 'allow'),
            createJudgement(b, 'allow'),
          ];
          for (const given of values)
            if (fitsInner(given))
              expect(fitsOuter(given), JSON.stringify([inner, b, given])).toBe(true);
        },
      ),
      { seed, numRuns: 10_000 },
    );
    expect(within).toBeGreaterThan(100);
  });
});
