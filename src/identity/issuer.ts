// Whose tokens are believed: GitHub's own issuer for the server that the job runs on.
//
//   https://github.com          https://token.actions.githubusercontent.com, or below it an enterprise's own: …/{enterprise}
//   https://{name}.ghe.com      https://token.actions.{name}.ghe.com
//   https://{host}              https://{host}/_services/token
//
// https://docs.github.com/en/actions/reference/security/oidc, https://docs.github.com/en/enterprise-server@latest/actions/reference/security/oidc,
// https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency

import { identityFault } from './fault.ts';
import type { Environment } from './platform.ts';

export interface Issuer {
  /** the plain one */
  url: string;
  /** whether `iss` of a token is one of this issuer's */
  accepts(iss: string): boolean;
}

const PUBLIC = 'https://token.actions.githubusercontent.com';
const RESIDENCE = /^[a-z0-9-]+\.ghe\.com$/;
const ENTERPRISE = /^[A-Za-z0-9_-]{1,100}$/;

export function issuerOf(environment: Environment): Issuer {
  const server = environment['GITHUB_SERVER_URL'] || 'https://github.com';
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search)
    throw identityFault('IDENTITY_ISSUER', 'expected the URL of a server in GITHUB_SERVER_URL');
  const { host } = url;
  if (host === 'github.com')
    return {
      url: PUBLIC,
      accepts: (iss) =>
        iss === PUBLIC ||
        (iss.startsWith(`${PUBLIC}/`) && ENTERPRISE.test(iss.slice(PUBLIC.length + 1))),
    };
  const own = RESIDENCE.test(host)
    ? `https://token.actions.${host}`
    : `${url.protocol}//${host}/_services/token`;
  return { url: own, accepts: (iss) => iss === own };
}
