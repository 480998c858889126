import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { readNoProxy } from '../../../src/enforce/egress/upstream-proxy/no-proxy.ts';
import { readProxySettings } from '../../../src/enforce/egress/upstream-proxy/setting.ts';
import { SandboxError } from '../../../src/model/error.ts';

const via = (environment: Record<string, string>, host = 'a.test', port = 443): string =>
  readProxySettings(environment).proxyFor(host, port)?.label ?? 'direct';

describe('the variables of the host', () => {
  it('name a proxy for port 80, one for the others, and one where these are missing', () => {
    const http = { http_proxy: 'http://h.test' };
    const https = { https_proxy: 'http://s.test:8080/' };
    const all = { all_proxy: 'socks5h://a.test' };
    expect(via({})).toBe('direct');
    expect(via(http)).toBe('direct');
    expect(via(http, 'a.test', 80)).toBe('http://h.test:80');
    expect(via(https, 'a.test', 80)).toBe('direct');
    expect(via(https, 'a.test', 22)).toBe('http://s.test:8080');
    expect(via({ ...http, ...all }, 'a.test', 80)).toBe('http://h.test:80');
    expect(via({ ...http, ...all })).toBe('socks5h://a.test:1080');
  });

  it('win in lower case, and mean none when empty', () => {
    expect(via({ HTTPS_PROXY: 'http://upper.test', https_proxy: 'http://lower.test' })).toBe(
      'http://lower.test:80',
    );
    expect(via({ HTTPS_PROXY: 'http://upper.test', https_proxy: '' })).toBe('direct');
    expect(via({ HTTPS_PROXY: 'http://upper.test', ALL_PROXY: '' })).toBe('http://upper.test:80');
  });

  it.each([
    ['proxy.test:3128', 'http://proxy.test:3128'],
    ['HTTP://Proxy.TEST', 'http://proxy.test:80'],
    ['https://proxy.test', 'https://proxy.test:443'],
    ['http://[::1]:3128', 'http://[::1]:3128'],
    ['socks5://10.0.0.1', 'socks5://10.0.0.1:1080'],
    ['socks5h://Proxy.test:9', 'socks5h://proxy.test:9'],
    ['http://user:p%40ss@proxy.test', 'http://proxy.test:80'],
    [' http://proxy.test ', 'http://proxy.test:80'],
    ['localhost:8080', 'http://localhost:8080'],
  ])('may say %j', (text, label) => {
    expect(via({ HTTPS_PROXY: text })).toBe(label);
  });

  it.each([
    'ftp://proxy.test',
    'socks4://proxy.test',
    'socks://proxy.test',
    'http://',
    'http://proxy.test:0',
    'http://proxy.test:99999',
    'http://proxy.test/path',
    'http://proxy.test?x',
    'http://user:secret%zz@proxy.test',
    'http://us%3Aer:secret@proxy.test',
    'http://user:sec%0Aret@proxy.test',
    'socks5://user@proxy.test',
    `socks5://user:${'secret'.repeat(50)}@proxy.test`,
    'http://secret@@:',
    'not a proxy',
  ])('are an error when they say %j, which shows nothing of it', (text) => {
    let error: unknown;
    try {
      readProxySettings({ HTTPS_PROXY: text });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SandboxError);
    const { kind, code, message, hint } = error as SandboxError;
    expect([kind, code]).toEqual(['environment', 'EGRESS_PROXY_SETTING']);
    expect(message).toContain('HTTPS_PROXY');
    expect(hint).toContain('unset');
    expect(`${message}${hint}`).not.toMatch(/secret|proxy\.test/);
  });

  it('are read whatever they hold', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (proxy, exceptions) => {
        try {
          const { label } = readProxySettings({ ALL_PROXY: proxy, NO_PROXY: exceptions }).proxyFor(
            'a.test',
            1,
          ) ?? { label: '' };
          expect(label).not.toContain('@');
        } catch (error) {
          expect(error).toBeInstanceOf(SandboxError);
        }
      }),
    );
  });
});

describe('NO_PROXY', () => {
  it.each<[string, string, number, boolean]>([
    ['*', 'a.test', 1, true],
    ['', 'a.test', 1, false],
    ['x.test', 'x.test', 1, true],
    ['X.Test.', 'x.test', 1, true],
    ['x.test', 'a.b.x.test', 1, true],
    ['x.test', 'ax.test', 1, false],
    ['.x.test', 'x.test', 1, false],
    ['.x.test', 'a.x.test', 1, true],
    ['*.x.test', 'a.x.test', 1, true],
    ['*.x.test', 'x.test', 1, false],
    ['x.test:8080', 'x.test', 8080, true],
    ['x.test:8080', 'x.test', 80, false],
    ['*:22', 'a.test', 22, true],
    ['*:22', 'a.test', 443, false],
    ['a.test, b.test  c.test', 'c.test', 1, true],
    ['10.1.2.3', '10.1.2.3', 1, true],
    ['10.1.2.3', 'name.test', 1, false],
    ['10.0.0.0/8', '10.200.0.1', 1, true],
    ['10.0.0.0/8', '11.0.0.1', 1, false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', 1, true],
    ['fd00::/8', 'fd12::1', 1, true],
    ['::1', '::1', 1, true],
    ['[fd00::1]:443', 'fd00::1', 443, true],
    ['[fd00::1]:443', 'fd00::1', 80, false],
    ['3', '10.0.0.3', 1, false],
  ])('%j: %s port %i is direct: %s', (text, host, port, expected) => {
    expect(readNoProxy(text).covers(host, port)).toBe(expected);
  });

  it('tells which entries mean nothing', () => {
    expect(readNoProxy('a.test,10.0.0.0/99,192.168.*,b_*c').ignored).toEqual([
      '10.0.0.0/99',
      '192.168.*',
      'b_*c',
    ]);
  });
});
