// The job's way to GitHub: through the host's own proxy and authorities, as every call of the host's is made.

import { readProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import { createGitHub, type GitHub } from '../github/api.ts';
import type { JobContext } from '../github/context.ts';
import { createHostHttp } from '../session/host-http.ts';
import { hostAuthorities } from '../session/trust.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function jobGitHub(
  { apiUrl }: JobContext,
  token: string,
  environment: Environment,
  onNotice: (message: string) => void,
): GitHub {
  const send = createHostHttp({
    proxies: readProxySettings(environment),
    ca: hostAuthorities(environment, onNotice),
  });
  return createGitHub({ apiUrl, token, send });
}
