// How large a message may be before it is not looked at any further.

export interface JsonLimits {
  /** of the whole text */
  bytes: number;
  /** of arrays and objects within one another */
  depth: number;
  /** values, keys of objects not counted */
  nodes: number;
  /** UTF-16 units of one key */
  key: number;
}

/** What an agent may send. */
export const AGENT_LIMITS: JsonLimits = { bytes: 4_194_304, depth: 64, nodes: 200_000, key: 1024 };

/** What a server may send: results are longer than calls. */
export const SERVER_LIMITS: JsonLimits = {
  bytes: 16_777_216,
  depth: 64,
  nodes: 1_000_000,
  key: 1024,
};
