// What a server may ask the user for: no secrets in a form, no address but those of hosts that are allowed. Nothing here opens one.
// https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation

import type { Json, JsonObject } from '../../../model/credential.ts';
import type { Reading } from '../content.ts';
import { foldedText } from './fold.ts';
import { readLeaves } from './leaves.ts';

/** Folded: in names, titles, descriptions and choices of fields, and in the message. */
const SENSITIVE =
  /password|passwd|passphrase|passcode|secretkey|clientsecret|yoursecret|apikey|accesskey|accesstoken|authtoken|bearertoken|apitoken|personalaccesstoken|refreshtoken|sessioncookie|privatekey|sshkey|seedphrase|recoveryphrase|recoverycode|backupcode|mnemonic|onetimecode|onetimepassword|verificationcode|twofactor|2fa|creditcard|debitcard|cardnumber|cvv|cvc|iban|accountnumber|socialsecurity|ssnnumber/;
/** Whole fields that are called so. */
const SENSITIVE_NAMES = new Set([
  'otp',
  'pin',
  'totp',
  'mfa',
  'ssn',
  'secret',
  'token',
  'credential',
  'credentials',
  'auth',
  'cookie',
]);
const WORDS = /(?<![A-Za-z0-9])(?:OTP|PIN|TOTP|MFA|SSN)(?![A-Za-z0-9])/;

/** characters */
const LONGEST_URL = 2048;
/** What no URL needs unescaped, and a shell obeys. */
const URL_TEXT = /^https:\/\/[A-Za-z0-9._~:/?#[\]@!&'()*+,=%-]+$/;
const IN_SHELL = /[`$|;<>\\"'(){}^\s]/;

export interface ElicitationRule {
  /** id of the server, as its policy has it: in front of the message, so that the user knows who asks */
  server: string;
  /** whether the user may be sent there */
  isAllowed: (url: URL) => boolean;
}

/** `params` of `elicitation/create`. */
export function judgeElicitation(params: JsonObject, rule: ElicitationRule): Reading<JsonObject> {
  const isUrl = params.mode === 'url' || params.url !== undefined;
  const fault = isUrl ? urlFault(params.url, rule.isAllowed) : formFault(params);
  if (fault !== undefined)
    return {
      action: 'block',
      reason: `elicitation refused: ${fault.reason}`,
      findings: [{ detector: fault.detector, place: fault.place }],
    };
  const said = typeof params.message === 'string' ? params.message : '';
  return {
    action: 'pass',
    value: { ...params, message: `[${rule.server}] ${said}` },
    findings: [],
  };
}

interface Fault {
  detector: string;
  place: string;
  reason: string;
}

function formFault(params: JsonObject): Fault | undefined {
  const leaves = readLeaves({
    message: params.message ?? '',
    requestedSchema: params.requestedSchema ?? {},
  });
  const sensitive = (place: string): Fault => ({
    detector: 'sensitive-field',
    place,
    reason: 'a form may not ask for a secret',
  });
  for (const texts of [leaves.values, leaves.others])
    for (const [index, start] of texts.starts.entries()) {
      const text = texts.joined.slice(start, (texts.starts[index + 1] ?? Infinity) - 1);
      const folded = foldedText(text.normalize('NFKC'));
      const place = leaves.place(texts.leaves[index] ?? 0);
      if (SENSITIVE.test(folded) || SENSITIVE_NAMES.has(folded) || WORDS.test(text))
        return sensitive(place);
    }
  return leaves.isTooDeep ? sensitive('requestedSchema') : undefined;
}

function urlFault(
  url: Json | undefined,
  isAllowed: ElicitationRule['isAllowed'],
): Fault | undefined {
  const fault: Fault = {
    detector: 'elicitation-url',
    place: 'url',
    reason: 'an address may only be https and of a host that is allowed',
  };
  if (typeof url !== 'string' || url.length > LONGEST_URL) return fault;
  if (!URL_TEXT.test(url) || IN_SHELL.test(url)) return fault;
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return fault; // no URL at all
  }
  const { protocol, username, password, hostname } = parsed;
  const isProper =
    protocol === 'https:' && username === '' && password === '' && !hostname.includes('xn--');
  return isProper && isAllowed(parsed) ? undefined : fault;
}
