import { describe, expect, it } from 'vitest';

import { assertRequired } from '../../src/session/tool-required.ts';
import { policyOf } from '../policy/support.ts';

const under = (server: string): (() => void) => {
  const policy = policyOf([
    ['org', 'max: {mcp: {servers: [{id: other}]}}'],
    ['repo', `mcp: {servers: [${server}]}`],
  ]);
  return () => assertRequired(policy);
};

describe('a tool server that a ceiling keeps away', () => {
  it('keeps the session from starting where it is required, and says who keeps it away', () => {
    expect(under('{id: files, command: [files-server]}')).toThrow(
      expect.objectContaining({
        code: 'MCP_SERVER_MISSING',
        message: expect.stringMatching(/"files" cannot be used: .*org/) as string,
      }) as Error,
    );
  });

  it('is left out where it is not', () => {
    expect(under('{id: files, command: [files-server], required: false}')).not.toThrow();
    expect(under('{id: other, command: [files-server]}')).not.toThrow();
  });
});
