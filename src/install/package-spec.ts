// Commands that fetch a package and run it, read as what they mean: which package, in which version, with which arguments.

export interface PackageSpec {
  manager: 'npm' | 'pip';
  name: string;
  /** exact */
  version: string;
  /** what its program is called with */
  args: string[];
}

export type ReadSpec =
  { kind: 'package'; spec: PackageSpec } | { kind: 'plain' } | { kind: 'fault'; reason: string };

const NPM_NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
const NPM_VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
/** PEP 508 §names and PEP 440, without local versions */
const PIP_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const PIP_VERSION = /^\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?$/;

/** `npx` and `uvx` with their package; every other command is plain. */
export function readPackageSpec(command: readonly string[]): ReadSpec {
  const [program = '', ...rest] = command;
  if (program === 'npx') return readNpx(rest);
  if (program === 'uvx') return readUvx(rest);
  return { kind: 'plain' };
}

function readNpx(words: readonly string[]): ReadSpec {
  const at = words.findIndex((word) => word !== '-y' && word !== '--yes');
  const target = words[at];
  if (target === undefined) return fault('expected a package behind `npx`');
  if (target.startsWith('-'))
    return fault(`of npx's options only \`-y\` is understood, not \`${target}\``);
  const split = target.lastIndexOf('@');
  const name = split <= 0 ? target : target.slice(0, split);
  const version = split <= 0 ? '' : target.slice(split + 1);
  if (!NPM_NAME.test(name)) return fault(`"${target}" is no package of a registry`);
  if (!NPM_VERSION.test(version))
    return fault(`"${target}" names no exact version: write \`${name}@1.2.3\``);
  return found('npm', name, version, words.slice(at + 1));
}

function readUvx(words: readonly string[]): ReadSpec {
  const [target = '', ...args] = words;
  const [, name = '', version = ''] = /^([^@=]*)(?:==|@)(.*)$/.exec(target) ?? [];
  if (target.startsWith('-') || !PIP_NAME.test(name) || !PIP_VERSION.test(version))
    return fault(`expected \`uvx NAME==VERSION\` with an exact version, got "${target}"`);
  return found('pip', name, version, args);
}

const found = (
  manager: PackageSpec['manager'],
  name: string,
  version: string,
  args: string[],
): ReadSpec => ({ kind: 'package', spec: { manager, name, version, args } });

const fault = (reason: string): ReadSpec => ({ kind: 'fault', reason });
