// The variables a guest process gets: a short list, and what the user named. Nothing else of the host's environment.

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
  for (const [name, value] of extra) environment.set(name, value);
  environment.set('AGENT_SANDBOX_SESSION', session);
  return [...environment];
}
