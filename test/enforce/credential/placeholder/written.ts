// All the ways to write a placeholder that are looked for, with the steps that undo each.
import type { Random } from '../../../support/random.ts';

export interface Written {
  name: string;
  text: string;
  encoding: string[];
}

const hex = (c: string): string => c.charCodeAt(0).toString(16);

export function percentAll(text: string): string {
  return text.replace(/[^]/g, (c) => `%${hex(c).padStart(2, '0')}`);
}

export function percentSome(text: string, random: Random): string {
  return text.replace(/[^]/g, (c) => {
    if (random.chance(0.5)) return c;
    const digits = hex(c).padStart(2, '0');
    return `%${random.chance(0.5) ? digits : digits.toUpperCase()}`;
  });
}

export function jsonAll(text: string): string {
  return text.replace(/[^]/g, (c) => `\\u${hex(c).padStart(4, '0')}`);
}

export function waysToWrite(text: string, random: Random): Written[] {
  const [percent, json] = ['percent', 'json'];
  const some = percentSome(text, random);
  const base64 = Buffer.from(text).toString('base64');
  return [
    { name: 'raw', text, encoding: [] },
    { name: 'upper case', text: text.toUpperCase(), encoding: [] },
    { name: 'lower case', text: text.toLowerCase(), encoding: [] },
    {
      name: 'any case',
      text: text.replace(/[a-z]/gi, (c) =>
        random.chance(0.5) ? c.toUpperCase() : c.toLowerCase(),
      ),
      encoding: [],
    },
    { name: 'percent', text: percentAll(text), encoding: [percent] },
    { name: 'percent, upper case', text: percentAll(text).toUpperCase(), encoding: [percent] },
    { name: 'percent in part', text: `%2f${some}`, encoding: [percent] },
    { name: 'percent twice', text: percentAll(percentAll(text)), encoding: [percent, percent] },
    {
      name: 'percent of percent',
      text: encodeURIComponent(percentAll(text)),
      encoding: [percent, percent],
    },
    { name: 'json', text: jsonAll(text), encoding: [json] },
    {
      name: 'json, upper case',
      text: jsonAll(text).toUpperCase().replaceAll('\\U', '\\u'),
      encoding: [json],
    },
    { name: 'json twice', text: jsonAll(jsonAll(text)), encoding: [json, json] },
    {
      name: 'json in json',
      text: JSON.stringify(JSON.stringify({ a: 1 }).replace('1', `"${jsonAll(text)}"`)),
      encoding: [json, json],
    },
    { name: 'percent of json', text: percentAll(jsonAll(text)), encoding: [percent, json] },
    { name: 'json of percent', text: jsonAll(percentAll(text)), encoding: [json, percent] },
    ...['', 'u', 'us', 'user:', '\xe4'].flatMap((before) =>
      (['base64', 'base64url'] as const).map((coding) => ({
        name: `${coding} behind ${before}`,
        text: Buffer.from(`${before}${text}~>`).toString(coding),
        encoding: ['base64'],
      })),
    ),
    { name: 'percent of base64', text: percentAll(base64), encoding: [percent, 'base64'] },
    {
      name: 'json twice of base64',
      text: jsonAll(jsonAll(base64)),
      encoding: [json, json, 'base64'],
    },
  ];
}
