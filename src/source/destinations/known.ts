// Named destinations whose hosts are the same for everybody. Each line has its source and the day it was read there; a host is
// as narrow as its source says, and `destinations.test.ts` refuses wider ones.

export interface KnownHost {
  /** exact name */
  host: string;
  ports: readonly number[];
  source: string;
  /** ISO 8601 */
  read: string;
}

const RUNNERS =
  'https://docs.github.com/en/actions/reference/runners/self-hosted-runners#communication';
const AZURE =
  'https://docs.github.com/en/organizations/managing-organization-settings/configuring-private-networking-for-github-hosted-runners-in-your-organization';
const DOCKER = 'https://docs.docker.com/desktop/setup/allow-list/';
const WEB: readonly number[] = [443];

const github = (host: string, ports = WEB): KnownHost => ({
  host,
  ports,
  source: RUNNERS,
  read: '2026-11-21',
});
const docker = (host: string): KnownHost => ({
  host,
  ports: WEB,
  source: DOCKER,
  read: '2026-11-21',
});
const single = (host: string, source: string): KnownHost[] => [
  { host, ports: WEB, source, read: '2026-11-21' },
];

export const KNOWN_DESTINATIONS: Readonly<Record<string, readonly KnownHost[]>> = {
  github: [
    github('github.com', [22, 443]),
    github('api.github.com'),
    github('codeload.github.com'),
    github('raw.githubusercontent.com'),
    github('objects.githubusercontent.com'),
    github('release-assets.githubusercontent.com'),
    github('github-cloud.githubusercontent.com'),
  ],
  'github-actions-cache': [
    github('results-receiver.actions.githubusercontent.com'),
    // The accounts by name: a wildcard would let anybody's storage be written to.
    ...Array.from({ length: 20 }, (_, account) => ({
      host: `productionresultssa${account}.blob.core.windows.net`,
      ports: WEB,
      source: AZURE,
      read: '2026-11-21',
    })),
  ],
  anthropic: single('api.anthropic.com', 'https://code.claude.com/docs/en/network-config'),
  openai: single('api.openai.com', 'https://platform.openai.com/docs/api-reference'),
  gemini: single('generativelanguage.googleapis.com', 'https://ai.google.dev/api'),
  'docker-hub': [
    docker('registry-1.docker.io'),
    docker('auth.docker.io'),
    docker('production.cloudflare.docker.com'),
    docker('production.cloudfront.docker.com'),
  ],
};
