// What a server may ask of the agent's side, once a rule has opened the feature: what of it goes on, and what does not.

import type { Json, JsonObject } from '../../../model/credential.ts';
import { canonicalUrlPath } from '../../../match/url-path.ts';
import { canonicalHost } from '../../../policy/request-syntax.ts';
import { isListed } from '../judge.ts';
import { isObject } from '../message/message.ts';
import type { Core } from '../state.ts';

const MOST_TOKENS = 32_768;
const MOST_MESSAGE = 16_384;
const MOST_URL = 2048;

/** Members that a sampling request keeps: tools and foreign contexts are ways around the rules. */
const SAMPLING = [
  'messages',
  'modelPreferences',
  'systemPrompt',
  'maxTokens',
  'temperature',
  'stopSequences',
];

export function clampSampling(params: JsonObject): JsonObject {
  const kept: JsonObject = {};
  for (const key of SAMPLING) {
    const value = params[key];
    if (value !== undefined) kept[key] = value;
  }
  if (typeof kept['maxTokens'] === 'number')
    kept['maxTokens'] = Math.min(kept['maxTokens'], MOST_TOKENS);
  return kept;
}

/** Why this may not be asked of the user; undefined where it may. */
export function elicitationFault(core: Core, params: JsonObject): string | undefined {
  const { mode = 'form', message, url, requestedSchema } = params;
  if (typeof message !== 'string' || message.length > MOST_MESSAGE)
    return 'the question is malformed';
  if (mode === 'url')
    return typeof url === 'string' && isAllowedUrl(core, url)
      ? undefined
      : 'the address to open is not one that the policy allows';
  if (mode !== 'form') return 'the question is of an unknown kind';
  if (!isObject(requestedSchema)) return 'the question is malformed';
  return asksForSecret(requestedSchema) ? 'it asks for a secret' : undefined;
}

/** The network's rules say where a user may be sent. */
function isAllowedUrl(core: Core, text: string): boolean {
  if (text.length > MOST_URL || !/^https:\/\/[\x21-\x7e]+$/.test(text)) return false;
  if (/[\\`$<>"{}|^]/.test(text) || !URL.canParse(text)) return false;
  const { username, password, hostname, port, pathname } = new URL(text);
  if (username !== '' || password !== '' || hostname.includes('xn--')) return false;
  const host = canonicalHost(hostname);
  const path = canonicalUrlPath(pathname);
  if (host === undefined || typeof path !== 'string') return false;
  const at = port === '' ? 443 : Number(port);
  return isListed(core, { kind: 'http', method: 'GET', scheme: 'https', host, port: at, path });
}

const SECRET =
  /pass(?:word|wd|phrase|code)|secret|api_?key|private_?key|access_?key|credential|token|otp|one_?time|(?:^|_)pin(?:$|_)|2fa|mfa|credit|card_?(?:number|no)|cvv|cvc|iban|ssn|social_?security|seed_?phrase|mnemonic/;

/** Letters that look like Latin ones, as far as words for secrets are spelled with them. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  а: 'a',
  α: 'a',
  с: 'c',
  ϲ: 'c',
  ԁ: 'd',
  е: 'e',
  ε: 'e',
  һ: 'h',
  і: 'i',
  ι: 'i',
  ı: 'i',
  к: 'k',
  κ: 'k',
  о: 'o',
  ο: 'o',
  р: 'p',
  ρ: 'p',
  ѕ: 's',
  т: 't',
  τ: 't',
  у: 'y',
  ѡ: 'w',
  ԝ: 'w',
  ν: 'v',
  ѵ: 'v',
};

function asksForSecret(schema: JsonObject): boolean {
  const open: Json[] = [schema];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (Array.isArray(one)) open.push(...one);
    else if (isObject(one)) {
      if (one['format'] === 'password' || one['writeOnly'] === true) return true;
      for (const [key, value] of Object.entries(one)) {
        if (isSecretWord(key)) return true;
        if ((key === 'title' || key === 'description') && typeof value === 'string')
          if (isSecretWord(value)) return true;
        open.push(value);
      }
    }
  }
  return false;
}

function isSecretWord(text: string): boolean {
  const plain = text
    .normalize('NFKC')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[\p{Cf}\p{Mn}]/gu, '')
    .replace(/[^\x00-\x7f]/g, (letter) => LOOKALIKES[letter] ?? letter)
    .replace(/[\s.-]+/g, '_');
  return SECRET.test(plain);
}
