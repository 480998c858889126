// Names, addresses and places of the rig. The addresses look public to the policy and exist on the rig's own loopback
// only, within a network namespace that has no way out.
import { join } from 'node:path';

export const ORIGIN4 = '93.184.0.10';
export const CANARY4 = '93.184.0.66';
export const CANARY6 = '2606:2800:220::66';
export const RESOLVER4 = '93.184.0.53';
export const ZONE = 'c.canary.test';

/** On the rig's loopback. */
export const ADDRESSES = [
  ORIGIN4,
  CANARY4,
  RESOLVER4,
  '1.1.1.1',
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '10.0.0.1',
  '10.0.0.5',
  '172.17.0.1',
  '192.168.0.1',
  '64:ff9b::5db8:42',
  CANARY6,
  'fd00:ec2::254',
];

export const METADATA = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  'fd00:ec2::254',
]);

/** Whatever reaches one of these has escaped. */
export const CANARIES = new Set([CANARY4, CANARY6, '1.1.1.1', '64:ff9b::5db8:42', ...METADATA]);

/** Names the policy of the battery allows. */
export const ALLOWED = [
  'allowed.test',
  'echo.test',
  'cred.test',
  'redir.test',
  'rebind.test',
  'priv.test',
  'sub.wild.test',
];

/** What the rig's resolver answers; a name that is not here is NXDOMAIN, and asking for it is noted. */
export const RECORDS: Record<string, string[]> = {
  ...Object.fromEntries(ALLOWED.map((name) => [name, [ORIGIN4]])),
  'priv.test': ['10.0.0.5'],
  'blocked.test': [ORIGIN4],
  'wild.test': [ORIGIN4],
  'ro.test': [ORIGIN4],
  'evilallowed.test': [ORIGIN4],
  'allowed.test.blocked.test': [ORIGIN4],
  'allowed.testx': [ORIGIN4],
  'x-allowed.test': [ORIGIN4],
  'xn--llowed-2nf.test': [ORIGIN4],
  'host.docker.internal': ['172.17.0.1'],
  'metadata.google.internal': ['169.254.169.254'],
  'cloudflare-dns.com': [CANARY4],
  'dns.google': [CANARY4],
  'dns.quad9.net': [CANARY4],
};

/** Variables of every snippet, besides ID, NONCE, WS and KIT. */
export const VARIABLES: Record<string, string> = {
  ALLOW: 'allowed.test',
  BLOCK: 'blocked.test',
  WILD: 'wild.test',
  RO: 'ro.test',
  ECHO_H: 'echo.test',
  CRED_H: 'cred.test',
  REDIR: 'redir.test',
  REBIND: 'rebind.test',
  PRIV: 'priv.test',
  CANARY4,
  CANARY6,
  CZONE: ZONE,
  PROXY: '',
};

export interface Layout {
  root: string;
  kit: string;
  home: string;
  temp: string;
  logs: string;
  /** a runner's directory, as on a CI machine: the workspaces lie in its `_work` */
  runner: string;
  toolCache: string;
  authority: string;
  environments: string;
}

export function layoutOf(root: string): Layout {
  const runner = join(root, 'runner');
  return {
    root,
    kit: join(root, 'kit'),
    home: join(root, 'home'),
    temp: join(root, 'tmp'),
    logs: join(root, 'logs'),
    runner,
    toolCache: join(root, 'toolcache'),
    authority: join(root, 'kit', 'authority.pem'),
    environments: join(root, 'kit', 'environments'),
  };
}
