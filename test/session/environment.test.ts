import { describe, expect, it } from 'vitest';
import { guestEnvironment } from '../../src/session/environment.ts';

const USER = { name: 'agent', uid: 1, gid: 1, home: '/home/agent' };

const environment = (
  extra: [string, string][],
  host: Record<string, string> = {},
): Map<string, string> => new Map(guestEnvironment(host, USER, 'id', extra));

const PROXY = 'http://proxy.sandbox.internal:3128';

describe('the environment of a command', () => {
  it('names the proxy in both spellings, and leaves the guest to itself', () => {
    const given = environment([]);
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'])
      expect(given.get(name)).toBe(PROXY);
    expect(given.get('NO_PROXY')).toBe(given.get('no_proxy'));
    for (const name of ['localhost', 'sandbox', '127.0.0.1', '::1'])
      expect(given.get('no_proxy')?.split(',')).toContain(name);
  });

  it('takes nothing of the sort from the host', () => {
    const given = environment([], { HTTPS_PROXY: 'http://user:secret@host.test', ALL_PROXY: 'x' });
    expect(given.get('HTTPS_PROXY')).toBe(PROXY);
    expect(given.has('ALL_PROXY')).toBe(false);
  });

  it('leaves a variable to the user who names it in either spelling', () => {
    const given = environment([
      ['https_proxy', 'http://own.test'],
      ['NO_PROXY', '*'],
    ]);
    expect(given.get('https_proxy')).toBe('http://own.test');
    expect(given.has('HTTPS_PROXY')).toBe(false);
    expect(given.has('no_proxy')).toBe(false);
    expect(given.get('http_proxy')).toBe(PROXY);
    expect(environment([['ALL_PROXY', 'socks5://own.test']]).has('http_proxy')).toBe(false);
  });
});
