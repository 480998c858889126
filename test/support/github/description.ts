// GitHub's published OpenAPI description (see scripts/github-openapi.mjs), as a check of requests and answers.

import { Ajv, type ValidateFunction } from 'ajv';
import { readFileSync } from 'node:fs';

type Json = Record<string, unknown>;

export interface Operation {
  /** `GET /repos/{owner}/{repo}` */
  name: string;
  method: string;
  params: Readonly<Record<string, string>>;
  description: Json;
  /** where the description is, as a JSON pointer */
  pointer: string;
}

const FILE = new URL('../../fixtures/github-openapi.json', import.meta.url);
const BASE = 'github:';

const document = toSchema(JSON.parse(readFileSync(FILE, 'utf8'))) as {
  paths: Record<string, Record<string, Json>>;
  components: Json;
};
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema({ $id: BASE, ...document });
const compiled = new Map<string, ValidateFunction>();

/** The longest path that fits; `path` without its query, segments still percent-encoded. */
export function findOperation(method: string, path: string): Operation | undefined {
  for (const [template, methods] of TEMPLATES) {
    const match = template.pattern.exec(path);
    const description = methods[method.toLowerCase()];
    if (match === null || description === undefined) continue;
    const params = Object.fromEntries(
      template.names.map((name, i) => [name, decodeURIComponent(match[i + 1] ?? '')]),
    );
    const pointer = `/paths/${escape(template.path)}/${method.toLowerCase()}`;
    return { name: `${method} ${template.path}`, method, params, description, pointer };
  }
  return undefined;
}

/** What is wrong with a request; nothing when it is as described. */
export function faultsOfRequest(
  operation: Operation,
  query: URLSearchParams,
  body: unknown,
): string[] {
  const faults: string[] = [];
  const known = parametersOf(operation);
  for (const name of query.keys())
    if (!known.some((parameter) => parameter['in'] === 'query' && parameter['name'] === name))
      faults.push(`query parameter '${name}' is not described`);
  for (const [name, value] of Object.entries(operation.params)) {
    const parameter = known.find((one) => one['in'] === 'path' && one['name'] === name);
    const { type } = (parameter?.['schema'] ?? {}) as Json;
    if (type === 'integer' && !/^\d+$/.test(value)) faults.push(`'${name}' is no integer`);
  }
  const schema = bodySchema(operation);
  if (schema === undefined) {
    if (body !== undefined) faults.push('a body is not described');
    return faults;
  }
  const required = (operation.description['requestBody'] as Json)['required'] === true;
  if (body === undefined) return required ? [...faults, 'the body is missing'] : faults;
  const properties = schema['properties'] as Json | undefined;
  if (properties !== undefined && typeof body === 'object' && body !== null)
    for (const name of Object.keys(body))
      if (!(name in properties)) faults.push(`field '${name}' is not described`);
  return [
    ...faults,
    ...check(`${operation.pointer}/requestBody/content/application~1json/schema`, body),
  ];
}

/** The schema of an answer, and the place of it; undefined where only a text or nothing is described. */
export function answerSchema(
  operation: Operation,
  status: number,
): { schema: Json; pointer: string } | undefined {
  const responses = operation.description['responses'] as Json;
  const raw = responses[String(status)] as Json | undefined;
  if (raw === undefined) return undefined;
  const pointer = pointerOf(raw, `${operation.pointer}/responses/${status}`);
  const content = (resolve(raw)['content'] ?? {}) as Json;
  const schema = (content['application/json'] as Json | undefined)?.['schema'] as Json | undefined;
  return schema === undefined
    ? undefined
    : { schema, pointer: `${pointer}/content/application~1json/schema` };
}

export function faultsOfAnswer(operation: Operation, status: number, body: unknown): string[] {
  const place = answerSchema(operation, status);
  return place === undefined || body === undefined ? [] : check(place.pointer, body);
}

/** Follows a reference once. */
export function resolve(value: Json): Json {
  const ref = value['$ref'];
  if (typeof ref !== 'string') return value;
  const parts = ref.slice(ref.indexOf('#') + 2).split('/');
  const found = parts.reduce<unknown>((at, name) => (at as Json)[unescape(name)], document);
  return found as Json;
}

function check(pointer: string, value: unknown): string[] {
  const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `${BASE}#${encodeURI(pointer)}` });
  compiled.set(pointer, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message = '' }) => `${instancePath || 'body'} ${message}`,
  );
}

function parametersOf({ description }: Operation): Json[] {
  return ((description['parameters'] ?? []) as Json[]).map(resolve);
}

function bodySchema({ description }: Operation): Json | undefined {
  const body = description['requestBody'] as Json | undefined;
  const content = body?.['content'] as Record<string, Json> | undefined;
  const schema = content?.['application/json']?.['schema'] as Json | undefined;
  return schema === undefined ? undefined : resolve(schema);
}

function pointerOf(value: Json, own: string): string {
  const ref = value['$ref'];
  return typeof ref === 'string' ? ref.slice(ref.indexOf('#') + 1) : own;
}

/** JSON Schema knows no `nullable`. References lead into this document from wherever they stand. */
function toSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSchema);
  if (typeof value !== 'object' || value === null) return value;
  const { nullable, discriminator: _, ...rest } = value as Json;
  const plain = Object.fromEntries(
    Object.entries(rest).map(([name, item]) => [
      name,
      name === '$ref' ? `${BASE}${String(item)}` : toSchema(item),
    ]),
  );
  if (nullable !== true) return plain;
  // With `enum` or without: null is one more thing that it may be.
  return { anyOf: [plain, { type: 'null' }] };
}

function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}

function unescape(part: string): string {
  return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
}

/** Plain segments before names: `/commits/{ref}/check-runs` before `/commits/{ref}`; a `path` may have slashes. */
const TEMPLATES = Object.entries(document.paths)
  .sort(([a], [b]) => b.split('/').length - a.split('/').length)
  .map(([path, methods]) => {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
    const pattern = path.replace(/\{(\w+)\}/g, (_, name) => (name === 'path' ? '(.+)' : '([^/]+)'));
    return [{ path, names, pattern: new RegExp(`^${pattern}$`) }, methods] as const;
  });
