// What a placeholder looks like: what clients look at before they send it, around a body that says what it is.

export const MARKER = 'asbx';
/** 160 bits in base32 (RFC 4648 §6, lower case) */
export const RANDOM_BYTES = 20;
export const RANDOM_LENGTH = 32;
export const BODY_LENGTH = MARKER.length + RANDOM_LENGTH;

/**
 * - `github`: Octokit, gh and log masking tell an installation token by `ghs_`.
 * - `anthropic-key`, `anthropic-oauth`: by this prefix clients choose between `x-api-key` and Bearer.
 * - `aws-*`: an access key id has 16 to 128 word characters (https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html),
 *   temporary ones begin with `ASIA`; secret keys have 40 characters, which small SDKs ask for.
 * - `google`: access tokens begin with `ya29.`; `openai`, `npm`: likewise, project keys and granular tokens.
 * - `jwt`: three parts of base64url that parse, far from expiry: some clients read `exp` before they send.
 * - `plain`: for everything that takes any text: pip, docker, Vault, git.
 */
export const SHAPES = [
  'github',
  'anthropic-key',
  'anthropic-oauth',
  'openai',
  'npm',
  'aws-access-key-id',
  'aws-secret',
  'aws-session-token',
  'google',
  'jwt',
  'plain',
] as const;

export type Shape = (typeof SHAPES)[number];

/** Which part of a credential's material it stands for; names as in `model/credential.ts`. */
export type Part =
  'token' | 'username' | 'password' | 'accessKeyId' | 'secretAccessKey' | 'sessionToken';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
/** 2100-01-01; seconds */
const FAR_AWAY = 4_102_444_800;

export function bodyOf(random: Uint8Array): string {
  if (random.length !== RANDOM_BYTES)
    throw new RangeError(`expected ${RANDOM_BYTES} random bytes, got ${random.length}`);
  let [text, bits, count] = [MARKER, 0, 0];
  for (const byte of random) {
    bits = ((bits << 8) | byte) & 0xffff;
    count += 8;
    for (; count >= 5; count -= 5) text += ALPHABET[(bits >> (count - 5)) & 31];
  }
  return text;
}

export function textOf(shape: Shape, body: string): string {
  switch (shape) {
    case 'github':
      return `ghs_${body}`;
    case 'anthropic-key':
      return `sk-ant-api03-${body}`;
    case 'anthropic-oauth':
      return `sk-ant-oat01-${body}`;
    case 'openai':
      return `sk-proj-${body}`;
    case 'npm':
      return `npm_${body}`;
    case 'aws-access-key-id':
      return `ASIA${body.toUpperCase()}`;
    case 'aws-secret':
      return `${body}AAAA`;
    case 'aws-session-token':
      return `IQoJ${body}`;
    case 'google':
      return `ya29.${body}`;
    case 'jwt':
      return `${segment({ alg: 'RS256', typ: 'JWT' })}.${segment({ sub: 'agent-sandbox', exp: FAR_AWAY })}.${body}`;
    case 'plain':
      return body;
  }
}

export function partOf(shape: Shape): Part {
  if (shape === 'aws-access-key-id') return 'accessKeyId';
  if (shape === 'aws-secret') return 'secretAccessKey';
  return shape === 'aws-session-token' ? 'sessionToken' : 'token';
}

function segment(content: Record<string, string | number>): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}
