import { expect, it } from 'vitest';

import { createPlaceholders } from '../../../../src/enforce/credential/placeholder/placeholders.ts';
import { placesIn } from '../../../../src/enforce/credential/surface/surfaces.ts';
import type { Head } from '../../../../src/enforce/credential/surface/surfaces.ts';
import { seededRandom } from '../../../support/random.ts';
import { percentAll, waysToWrite } from '../placeholder/written.ts';

const random = seededRandom(9);
const session = createPlaceholders((length) => random.bytes(length));
const others = createPlaceholders((length) => random.bytes(length));
const OWN = session.issue('gh', 'github');
const FOREIGN = others.issue('gh', 'github');
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
const own = { isForeign: false, credential: 'gh', part: 'token', encoding: [] };

function places(head: Partial<Head>): unknown[] {
  return placesIn({ method: 'GET', target: '/', fields: [], ...head }, session);
}

it.each<[string, Partial<Head>, object]>([
  ['the path', { target: `/a/${OWN}?b` }, { surface: 'path', ...own }],
  ['the query', { target: `/a?b=${OWN}` }, { surface: 'query', ...own }],
  [
    'the query, written otherwise',
    { target: `/a?b=${percentAll(OWN)}` },
    { surface: 'query', ...own, encoding: ['percent'] },
  ],
  ['a query behind a query', { target: `/a?b?${OWN}` }, { surface: 'query', ...own }],
  ['the method', { method: OWN.toUpperCase() }, { surface: 'method', ...own }],
  [
    'a header',
    { fields: [['authorization', `Bearer ${OWN}`]] },
    { surface: 'header', header: 'authorization', ...own },
  ],
  [
    'the name of a header',
    { fields: [[OWN, 'x']] },
    { surface: 'header-name', header: OWN, ...own },
  ],
  [
    'a cookie',
    { fields: [['cookie', `a=b; sid=${OWN}`]] },
    { surface: 'cookie', header: 'cookie', ...own },
  ],
  [
    'Basic',
    { fields: [['authorization', basic(`x:${OWN}`)]] },
    { surface: 'basic', header: 'authorization', ...own },
  ],
  [
    'Basic as a user',
    { fields: [['authorization', basic(`${OWN}:`)]] },
    { surface: 'basic', header: 'authorization', ...own },
  ],
  [
    'base64 that is no Basic',
    { fields: [['x-a', basic(`x:${OWN}`).slice(6)]] },
    { surface: 'header', header: 'x-a', ...own, encoding: ['base64'] },
  ],
  [
    'one of another session',
    { fields: [['x-api-key', FOREIGN]] },
    { surface: 'header', header: 'x-api-key', isForeign: true, encoding: [] },
  ],
])('finds one in %s', (_, head, place) => {
  expect(places(head)).toEqual([place]);
});

it('finds each of several', () => {
  const fields: [string, string][] = [
    ['authorization', basic(`${OWN}:${FOREIGN}`)],
    ['x-api-key', OWN],
  ];
  expect(places({ target: `/${FOREIGN}?${OWN}`, fields })).toHaveLength(5);
});

it('finds none where there is none', () => {
  expect(
    places({
      target: '/a?b=c',
      fields: [
        ['authorization', basic('a:b')],
        ['x', 'asbx'],
      ],
    }),
  ).toEqual([]);
});

it.each(waysToWrite(OWN, random).filter(({ text }) => !/[^\x20-\x7e]/.test(text)))(
  'finds it in path, query and headers as $name',
  ({ text }) => {
    for (const head of [
      { target: `/${text}` },
      { target: `/?${text}` },
      { fields: [['x-a', text]] as const },
    ])
      expect(places(head)).toContainEqual(expect.objectContaining({ credential: 'gh' }));
  },
);
