// Who is logged in to `gh` on a laptop, as its own configuration claims. Only the name is taken; the token in the same
// file is read past.
// https://cli.github.com/manual/gh_help_environment (GH_CONFIG_DIR, GH_HOST); the file is `hosts.yml`, by host, with `user`.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

import type { Actor } from '../model/identity.ts';
import { localActor } from './local.ts';
import type { Environment } from './platform.ts';

const LONGEST = 64 * 1024;
const LOGIN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

/** The login of `gh` where there is one, else the user of the operating system. Never `oidc`: nobody signed either. */
export function laptopActor(home: string, environment: Environment): Actor {
  const login = ghLogin(home, environment);
  return login === undefined ? localActor() : { login, assurance: 'device' };
}

/** Undefined where `gh` is not there, nobody is logged in, or its file is not what `gh` writes. */
export function ghLogin(home: string, environment: Environment): string | undefined {
  const host = environment['GH_HOST'] || 'github.com';
  const text = readLimited(join(directoryOf(home, environment), 'hosts.yml'));
  const entry = text === undefined ? undefined : fieldOf(parseYaml(text), host);
  const user = fieldOf(entry, 'user');
  return typeof user === 'string' && LOGIN.test(user) ? user : undefined;
}

function directoryOf(home: string, environment: Environment): string {
  const own = environment['GH_CONFIG_DIR'];
  if (own !== undefined && own !== '') return own;
  const xdg = environment['XDG_CONFIG_HOME'];
  return join(xdg !== undefined && xdg !== '' ? xdg : join(home, '.config'), 'gh');
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function parseYaml(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0, logLevel: 'silent' }) as unknown;
  } catch {
    return undefined; // Not what `gh` writes: then nobody is logged in as far as we can tell.
  }
}

function readLimited(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = fstatSync(descriptor);
    if (!fstatSync(descriptor).isFile() || size > LONGEST) return undefined;
    const bytes = Buffer.alloc(size);
    return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, size, 0));
  } catch {
    return undefined; // Most machines have no `gh`.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
