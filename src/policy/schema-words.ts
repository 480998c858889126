// What the schema of a policy is written with.

/** The part of JSON Schema used here; `check-schema.ts` reads exactly these words. */
export interface Schema {
  $schema?: string;
  $id?: string;
  $defs?: Record<string, Schema>;
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  minItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  /** each clause for maps where some properties have a given value */
  allOf?: { if: Schema; then: Schema }[];
}

/** Most characters of a text, patterns included. */
export const MAX_TEXT = 1024;

export const ref = (name: string): Schema => ({ $ref: `#/$defs/${name}` });
export const list = (items: Schema, description?: string): Schema => ({
  type: ['array', 'null'],
  items,
  ...(description === undefined ? {} : { description }),
});
export const oneOrMore = (items: Schema, description: string): Schema => ({
  anyOf: [items, { type: 'array', items }],
  description,
});
export const record = (
  properties: Record<string, Schema>,
  required: string[] = [],
  description?: string,
): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length === 0 ? {} : { required }),
  ...(description === undefined ? {} : { description }),
});
export const section = (properties: Record<string, Schema>, description?: string): Schema => ({
  ...record(properties, [], description),
  type: ['object', 'null'],
});
export const text = (description: string): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength: MAX_TEXT,
  description,
});
