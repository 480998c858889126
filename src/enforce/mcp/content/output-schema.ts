// Structured content beside the schema that its tool promised.

import type { Json } from '../../../model/credential.ts';
import type { ResultRule } from '../../../model/mcp.ts';
import type { Findings } from './findings.ts';
import { fitsJsonSchema } from './schema.ts';
import { isObject } from './shape.ts';

/** False where the rule is strict and the content does not fit, is missing, or cannot be judged. An error has no such content. */
export function fitsOutputSchema(
  body: Json,
  rule: ResultRule & { outputSchema?: Json },
  findings: Findings,
): boolean {
  const { outputSchema, schema = 'warn' } = rule;
  if (schema === 'off' || outputSchema === undefined || !isObject(body)) return true;
  if (body.isError === true) return true;
  const { structuredContent } = body;
  const fit =
    structuredContent === undefined ? 'differs' : fitsJsonSchema(outputSchema, structuredContent);
  if (fit === 'fits') return true;
  const detector = fit === 'differs' ? 'schema' : 'schema-unjudged';
  findings.add({ detector, place: 'structuredContent' });
  return schema === 'warn';
}
