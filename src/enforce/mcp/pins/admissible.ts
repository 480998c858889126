// What of a definition may be served at all. Icons and pages for clients to draw are taken out first: they are fetched and run
// where no policy reaches.

import type { Json, JsonObject } from '../../../model/credential.ts';
import type { Definition, DefinitionKind } from '../../../model/mcp.ts';
import type { Finding } from '../content.ts';
import { definitionFindings, isQuarantining } from '../content/definition.ts';
import { definitionLimit } from '../content/definition-limits.ts';
import { isObject } from '../content/shape.ts';
import { headerFault } from './header-parameters.ts';
import { isProperName, nameOf } from './names.ts';

/** MCP Apps and what came before it. https://github.com/modelcontextprotocol/ext-apps */
const DRAWN =
  /^(?:(?:io\.modelcontextprotocol\/)?ui(?:\/.*)?|openai\/(?:outputTemplate|widget.*))$/;

export interface Admission {
  /** as it may be served, and as it is reviewed */
  definition: Definition;
  /** '' where it has none that is proper */
  name: string;
  /** structural: nobody's review makes it one that may be served */
  faults: Finding[];
  /** for people; some of them keep it away until it is reviewed */
  findings: Finding[];
}

export function admit(kind: DefinitionKind, live: Definition): Admission {
  const definition = withoutDrawings(live);
  const said = nameOf(kind, definition);
  const isProper = said !== undefined && isProperName(kind, said);
  const limit = definitionLimit(definition);
  const faults: Finding[] = [];
  if (!isProper) faults.push({ detector: 'name', place: kind });
  if (limit !== undefined) faults.push({ detector: limit, place: '' });
  else if (kind === 'tool') faults.push(...schemaFaults(definition));
  const findings = limit === undefined ? definitionFindings(definition) : [];
  return { definition, name: isProper ? said : '', faults, findings };
}

/** Whether it waits for a review. */
export function isSuspicious({ findings }: Admission): boolean {
  return findings.some(isQuarantining);
}

export function withoutDrawings(definition: JsonObject): JsonObject {
  const { icons: _, _meta, ...rest } = definition;
  if (_meta === undefined) return rest;
  if (!isObject(_meta)) return { ...rest, _meta };
  const kept = Object.entries(_meta).filter(([key]) => !DRAWN.test(key));
  return kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
}

function schemaFaults(definition: Definition): Finding[] {
  const faults: Finding[] = [];
  for (const field of ['inputSchema', 'outputSchema']) {
    const schema = definition[field];
    if (schema === undefined) continue;
    if (!isObject(schema)) faults.push({ detector: 'schema', place: field });
    else if (hasForeignReference(schema))
      faults.push({ detector: 'network-reference', place: field });
  }
  const header = headerFault(definition.inputSchema);
  if (header !== undefined) faults.push({ detector: 'header-parameter', place: header });
  return faults;
}

/** A reference that leads out of the schema. Nothing here follows one; a client might. */
function hasForeignReference(node: Json): boolean {
  if (Array.isArray(node)) return node.some(hasForeignReference);
  if (!isObject(node)) return false;
  return Object.entries(node).some(
    ([key, value]) =>
      (/^\$(?:ref|dynamicRef|recursiveRef)$/.test(key) &&
        typeof value === 'string' &&
        !value.startsWith('#')) ||
      hasForeignReference(value),
  );
}
