import { describe, expect, it } from 'vitest';
import type { Client } from '../../../src/source/destinations/client.ts';
import {
  DESTINATION_NAMES,
  resolveDestination,
} from '../../../src/source/destinations/destinations.ts';
import { KNOWN_DESTINATIONS } from '../../../src/source/destinations/known.ts';

interface Made {
  files?: Record<string, string>;
  environment?: Record<string, string>;
  answers?: Record<string, string>;
}

function client({
  files = {},
  environment = {},
  answers = {},
}: Made): Client & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    home: '/home/u',
    environment,
    read: (file) => files[file],
    list: (folder) => Object.keys(files).filter((file) => file.startsWith(`${folder}/`)),
    ask: (program) => {
      asked.push(program);
      return answers[program];
    },
  };
}

function places(name: string, made: Made): string[] {
  const found = resolveDestination(name, client(made));
  if (!Array.isArray(found)) throw new Error(found.fault);
  return found.map(({ host, port }) => `${host}:${port}`);
}

function fault(name: string, made: Made): string {
  const found = resolveDestination(name, client(made));
  return Array.isArray(found) ? 'none' : found.fault;
}

describe('npm', () => {
  it('is the default registry and those of scopes, from the files of the user and the machine', () => {
    const files = {
      '/home/u/.npmrc':
        '; mine\nregistry=https://user:secret@registry.example.com:8443/npm/\n@acme:registry = "https://npm.acme.example/"\n//registry.example.com/:_authToken=x\n',
      '/etc/npmrc': 'registry=http://mirror.example.com\n',
    };
    expect(places('npm', { files })).toEqual([
      'registry.example.com:8443',
      'npm.acme.example:443',
      'mirror.example.com:80',
    ]);
  });

  it('is asked for its own default only where nothing names one', () => {
    const answers = { npm: 'https://registry.example.com/\n' };
    const scoped = { '/home/u/.npmrc': '@acme:registry=https://npm.acme.example/' };
    expect(places('npm', { files: scoped, answers })).toEqual([
      'registry.example.com:443',
      'npm.acme.example:443',
    ]);
    const configured = client({
      environment: { npm_config_registry: 'https://registry.example.com' },
      answers,
    });
    resolveDestination('npm', configured);
    expect(configured.asked).toEqual([]);
  });

  it('expands variables as npm does', () => {
    const files = { '/home/u/.npmrc': 'registry=https://${MIRROR}/npm' };
    const environment = { MIRROR: 'registry.example.com' };
    expect(places('npm', { files, environment })).toEqual(['registry.example.com:443']);
  });

  it.each([
    ['an address', 'registry=https://10.0.0.1/'],
    ['this machine', 'registry=http://localhost:4873/'],
    ['no URL', 'registry=registry.example.com'],
    ['another scheme', 'registry=file:///srv/npm'],
  ])('that names %s leads nowhere, and says which file does so', (_what, line) => {
    expect(fault('npm', { files: { '/home/u/.npmrc': line } })).toContain('/home/u/.npmrc');
  });

  it('leads nowhere where npm is not there and nothing is configured', () => {
    expect(fault('npm', {})).toBe("nothing on this host says where 'npm' leads");
  });
});

describe('pip', () => {
  it('is its indexes, from variables and files, over several lines', () => {
    const files = {
      '/etc/pip.conf':
        '[global]\nindex-url = https://pip.example.com/simple\nextra-index-url =\n    https://a.example.com/simple\n    https://b.example.com/simple\n',
    };
    const environment = { PIP_EXTRA_INDEX_URL: 'https://c.example.com/simple' };
    expect(places('pip', { files, environment })).toEqual([
      'c.example.com:443',
      'pip.example.com:443',
      'a.example.com:443',
      'b.example.com:443',
    ]);
  });

  it('is asked for its own index and the host of its files otherwise', () => {
    const answers = { python3: 'https://pip.example.com/simple\nhttps://files.example.com\n' };
    expect(places('pip', { answers })).toEqual(['pip.example.com:443', 'files.example.com:443']);
  });
});

describe('debian and ubuntu', () => {
  it('are the archives of both formats, without what is no place on the network', () => {
    const files = {
      '/etc/apt/sources.list':
        'deb [arch=amd64 signed-by=/k] http://apt.example.com/debian stable main\n# deb http://old.example.com x y\ndeb cdrom:[x]/ stable main\n',
      '/etc/apt/sources.list.d/more.sources':
        'Types: deb\nURIs: https://one.example.com/d\n https://two.example.com/d\nSuites: stable\n',
    };
    expect(places('debian', { files })).toEqual([
      'apt.example.com:80',
      'one.example.com:443',
      'two.example.com:443',
    ]);
    expect(places('ubuntu', { files })).toEqual(places('debian', { files }));
  });
});

describe('known destinations', () => {
  const known = Object.entries(KNOWN_DESTINATIONS);

  it.each(known)('%s names full hosts, each with its source and day', (_name, hosts) => {
    for (const { host, ports, source, read } of hosts) {
      // A wildcard would open what strangers can have a name below.
      expect(host).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/);
      expect(ports.length).toBeGreaterThan(0);
      expect(new URL(source).protocol).toBe('https:');
      expect(read).toMatch(/^20\d\d-\d\d-\d\d$/);
    }
  });

  it('are all listed by name', () => {
    expect(DESTINATION_NAMES).toEqual([...DESTINATION_NAMES].sort());
    expect(DESTINATION_NAMES).toContain('github');
    expect(fault('nowhere', {})).toBe("there is no destination called 'nowhere'");
  });
});
