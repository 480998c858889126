// The variables a guest process gets: a short list, and what the user named. Nothing else of the host's environment.

import { METADATA_ADDRESS, METADATA_NAMES } from '../enforce/credential/metadata/serve.ts';
import { PROXY_NAME, PROXY_PORT } from '../enforce/egress/name-answers.ts';
import { GATEWAY_NAME } from './tool-address.ts';

/** Variables taken over from the host where they are set. */
const PASSED = [
  'PATH',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TERM',
  'COLORTERM',
  'NO_COLOR',
  'FORCE_COLOR',
] as const;

/** name of the guest to itself */
export const GUEST_NAME = 'sandbox';

/** Where a client that honours them hears the reason of a denial; one that does not is carried and judged all the same. */
const PROXY_URL = `http://${PROXY_NAME}:${PROXY_PORT}`;
/** The guest itself: its own name, every spelling of its loopback that some client compares with; where SDKs look for credentials; and the tool gateway. */
const NOT_PROXIED = `localhost,.localhost,${GUEST_NAME},127.0.0.1,127.0.0.0/8,::1,[::1],${[METADATA_ADDRESS, ...METADATA_NAMES.keys(), GATEWAY_NAME].join()}`;
const PROXY_VARIABLES: readonly (readonly [name: string, value: string])[] = [
  ['HTTP_PROXY', PROXY_URL],
  ['HTTPS_PROXY', PROXY_URL],
  ['NO_PROXY', NOT_PROXIED],
];

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface GuestIdentity {
  /** login name in the guest */
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** Environment of a command: `extra` wins over the passed ones, the session's own names win over all. */
export function guestEnvironment(
  host: Readonly<Record<string, string | undefined>>,
  user: GuestIdentity,
  session: string,
  extra: readonly (readonly [string, string])[],
): [string, string][] {
  const environment = new Map<string, string>();
  environment.set('PATH', DEFAULT_PATH);
  for (const name of PASSED) {
    const value = host[name];
    if (value !== undefined && value !== '') environment.set(name, value);
  }
  environment.set('HOME', user.home);
  environment.set('USER', user.name);
  environment.set('LOGNAME', user.name);
  environment.set('SHELL', '/bin/sh');
  for (const [name, value] of proxyVariables(extra)) environment.set(name, value);
  for (const [name, value] of extra) environment.set(name, value);
  environment.set('AGENT_SANDBOX_SESSION', session);
  return [...environment];
}

/** In both spellings; a variable that `extra` names in either is left to it, since clients differ in which they read first. */
function proxyVariables(extra: readonly (readonly [string, string])[]): [string, string][] {
  const named = new Set(extra.map(([name]) => name.toUpperCase()));
  const isLeft = (name: string): boolean =>
    named.has(name) || (named.has('ALL_PROXY') && name !== 'NO_PROXY');
  return PROXY_VARIABLES.filter(([name]) => !isLeft(name)).flatMap(([name, value]) => [
    [name, value],
    [name.toLowerCase(), value],
  ]);
}
