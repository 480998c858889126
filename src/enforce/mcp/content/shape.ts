// Guards for JSON that was not looked at.

import type { Json, JsonObject } from '../../../model/credential.ts';

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
