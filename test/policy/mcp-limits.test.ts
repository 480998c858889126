// `mcp.limits`: read with every fault in its place, and of all layers and ceilings the smallest.
import { describe, expect, it, test } from 'vitest';

import { POLICY_SCHEMA } from '../../src/policy/schema.ts';
import { faultsOf } from './mcp-support.ts';
import { policyOf } from './support.ts';

const says = (text: string): string => `mcp: {limits: {${text}}}`;
const limits = (...layers: Parameters<typeof policyOf>[0]) => policyOf(layers).mcp.limits;

test('what no layer says is no limit', () => {
  expect(limits(['repo', 'mcp: {}'])).toEqual({});
});

test('each is read in its unit', () => {
  expect(limits(['repo', says('calls: 500, egress: 1MiB, ingress: 64KiB, timeout: 2m')])).toEqual({
    calls: 500,
    egress: 2 ** 20,
    ingress: 65_536,
    timeout: 120_000,
  });
});

test('of all layers and their ceilings the smallest holds', () => {
  expect(
    limits(
      ['org', `${says('calls: 100, timeout: 1m')}\nmax: {mcp: {limits: {ingress: 1KiB}}}`],
      ['repo', says('calls: 1000, ingress: 1MiB, timeout: 10s, egress: 5KiB')],
    ),
  ).toEqual({ calls: 100, ingress: 1024, timeout: 10_000, egress: 5120 });
});

describe('a limit', () => {
  it.each([
    ['that is unknown', says('call: 5'), 'unknown-key', 'call:'],
    ['of no calls', says('calls: 0'), 'value', '0'],
    ['of half a call', says('calls: 1.5'), 'type', '1.5'],
    ['of calls as a text', says('calls: "5"'), 'type', '"5"'],
    ['of bytes without a unit', says('ingress: 5'), 'type', '5'],
    ['of nothing', says('egress: 0B'), 'value', '0B'],
    ['of no time', says('timeout: 0s'), 'value', '0s'],
    ['of more time than there is', says('timeout: 25d'), 'value', '25d'],
    ['in a ceiling that is unknown', `max: {${says('time: 5s')}}`, 'unknown-key', 'time:'],
  ])('%s is refused, with its place', (_, text, code, at) => {
    expect(faultsOf(text)).toContainEqual(expect.stringContaining(`2:${text.indexOf(at) + 1}`));
    expect(faultsOf(text).join()).toContain(code);
  });
});

test('the published schema says every key that is read', () => {
  const { properties } = POLICY_SCHEMA.$defs?.['mcp']?.properties?.['limits'] ?? {};
  expect(Object.keys(properties ?? {})).toEqual(['calls', 'egress', 'ingress', 'timeout']);
});
