// The keys of a profile in the host's own AWS configuration: static ones, or those a `credential_process` prints. Profiles that
// need a further exchange (SSO, a source profile, a web identity) are refused: the vendor's CLI can print their keys.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import type { JsonObject } from '../model/credential.ts';
import { errnoOf, SandboxError } from '../model/error.ts';
import { fieldsOf, isObject } from './cloud-answer.ts';
import type { MintContext } from './provider.ts';
import type { SigningKeys } from './sigv4/sign.ts';

const MAX_FILE = 1024 * 1024;
const PROCESS_MS = 30_000;
const PROFILE = /^[\w.@+-]{1,128}$/;
/** Each means an exchange that is not made here. */
const FURTHER = [
  'sso_session',
  'sso_start_url',
  'role_arn',
  'web_identity_token_file',
  'login_session',
];

type Host = Pick<MintContext, 'environment' | 'home' | 'now' | 'signal'>;

/** Throws `PROVIDER_AWS_PROFILE`. */
export async function readProfile(name: string, host: Host): Promise<SigningKeys> {
  if (!PROFILE.test(name)) throw fault('expected `profile` to be the name of a profile');
  const { environment, home } = host;
  const config = environment['AWS_CONFIG_FILE'] ?? join(home, '.aws', 'config');
  const shared = environment['AWS_SHARED_CREDENTIALS_FILE'] ?? join(home, '.aws', 'credentials');
  // What stands in the credentials file comes first.
  const settings = new Map([
    ...sectionOf(config, name === 'default' ? ['default', 'profile default'] : [`profile ${name}`]),
    ...sectionOf(shared, [name]),
  ]);
  const accessKeyId = settings.get('aws_access_key_id');
  const secretAccessKey = settings.get('aws_secret_access_key');
  if (accessKeyId && secretAccessKey) {
    const sessionToken = settings.get('aws_session_token');
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  }
  const further = FURTHER.find((key) => settings.has(key));
  const line = settings.get('credential_process');
  if (line !== undefined && further === undefined) return printedKeys(line, host);
  if (further !== undefined)
    throw fault(
      `profile ${name} needs an exchange of its own (\`${further}\`), which is not made here`,
      `give it a sibling with: credential_process = aws configure export-credentials --profile ${name} --format process`,
    );
  throw fault(
    `profile ${name} has no keys in ${config} or ${shared}`,
    'it needs `aws_access_key_id` with `aws_secret_access_key`, or `credential_process`',
  );
}

/** The settings below the headings, the last one of a name winning; nested settings left out. Empty where there is no file. */
function sectionOf(file: string, headings: string[]): Map<string, string> {
  const settings = new Map<string, string>();
  let isInside = false;
  for (const line of readText(file).split(/\r?\n/)) {
    const heading = /^\[\s*([^\]]*?)\s*\]/.exec(line)?.[1]?.replace(/\s+/g, ' ').replace(/"/g, '');
    if (heading !== undefined) isInside = headings.includes(heading);
    const [, key, value] = /^([A-Za-z_][\w.-]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (!isInside || key === undefined || value === undefined) continue;
    settings.set(key.toLowerCase(), value.replace(/\s[#;].*$/, ''));
  }
  return settings;
}

function readText(file: string): string {
  try {
    if (statSync(file).size > MAX_FILE) throw fault(`expected ${file} to be at most 1 MiB`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error instanceof SandboxError ? error : fault(`cannot read ${file}`);
  }
}

async function printedKeys(line: string, host: Host): Promise<SigningKeys> {
  const [program, ...args] = splitWords(line);
  if (program === undefined) throw fault('expected `credential_process` to name a program');
  const output = await new Promise<string>((resolve, reject) => {
    const options = {
      cwd: '/', // what lies in the workspace is the guest's
      timeout: PROCESS_MS,
      killSignal: 'SIGKILL' as const,
      maxBuffer: MAX_FILE,
      signal: host.signal,
      env: host.environment as NodeJS.ProcessEnv,
    };
    execFile(program, args, options, (error, stdout) => {
      // What it printed may hold keys, and so may the message of the error, with its command line.
      if (error)
        reject(fault(`\`credential_process\` failed (${error.code ?? error.signal ?? 'ended'})`));
      else resolve(stdout);
    });
  });
  const keys = fieldsOf(parse(output), '`credential_process`');
  if (keys.own('Version') !== 1) throw fault('expected `credential_process` to print `Version` 1');
  const expiration = keys.own('Expiration');
  const end = typeof expiration === 'string' ? Date.parse(expiration) : NaN;
  if (expiration !== undefined && !(end > host.now()))
    throw fault('`credential_process` printed keys that have ended');
  return {
    accessKeyId: keys.token('AccessKeyId'),
    secretAccessKey: keys.token('SecretAccessKey'),
    ...(keys.own('SessionToken') === undefined ? {} : { sessionToken: keys.token('SessionToken') }),
  };
}

function parse(output: string): JsonObject {
  try {
    const value = JSON.parse(output) as JsonObject;
    if (isObject(value)) return value;
  } catch {
    // Said below, without what was printed.
  }
  throw fault('expected `credential_process` to print a JSON object');
}

/** Words as a shell would split them: blanks, single and double quotes, and a backslash behind which all is plain. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [piece, single, double, escaped] of line.matchAll(
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|\s+|[^\s'"\\]+|./gsu,
  )) {
    if (/^\s+$/.test(piece)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (piece === "'" || piece === '"' || piece === '\\')
      throw fault('expected the quotes of `credential_process` to be closed');
    else
      word = (word ?? '') + (single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? piece);
  }
  return word === undefined ? words : [...words, word];
}

function fault(message: string, hint?: string): SandboxError {
  return new SandboxError({
    kind: 'environment',
    code: 'PROVIDER_AWS_PROFILE',
    message,
    ...(hint === undefined ? {} : { hint }),
  });
}
