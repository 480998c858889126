// Registries of packages and images: npm publishes with a token that it never holds, and skopeo exchanges a placeholder of a
// password for a placeholder of a token.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliRig } from '../support/cli.ts';
import { leaksOf, runClients } from '../support/client-run.ts';
import type { ClientRun } from '../support/client-run.ts';
import {
  BENT_HOST,
  BENT_PATH,
  IMAGES,
  IMAGES_USER,
  NPM,
  STRANGER,
  TOKENS,
} from '../support/origin/names.ts';

const POLICY = `version: 1
network:
  allow:
    - {host: ${NPM}}
    - {host: [${[IMAGES, BENT_HOST, BENT_PATH, TOKENS, STRANGER].join(', ')}], methods: [GET]}
credentials:
  - id: publish
    provider: npm
    request: {package: "@acme/lib", registry: "https://${NPM}"}
    expose: {env: [NPM_TOKEN]}
    bind: [{host: ${NPM}, methods: [GET, PUT], paths: ["/@acme/lib"]}]
  - id: images
    provider: env
    request: {name: IMAGES_PASSWORD}
    expose: {env: [IMAGES_TOKEN]}
    bind:
      - {host: ${TOKENS}, methods: [GET], paths: ["/token"], seal: true}
      - {host: [${[IMAGES, BENT_HOST, BENT_PATH].join(', ')}], methods: [GET], paths: ["/v2/**"]}
`;
const SKOPEO = `skopeo --insecure-policy --tmpdir . copy -q --src-creds ${IMAGES_USER}:$IMAGES_TOKEN`;
const GUEST = [
  'show() { name=$1; shift; "$@" > $name.out 2>&1; echo "exit $?" >> $name.out; }',
  `show skopeo ${SKOPEO} docker://${IMAGES}/acme/app:1 dir:image`,
  `show bent-host ${SKOPEO} docker://${BENT_HOST}/acme/app:1 dir:other`,
  `show bent-path ${SKOPEO} docker://${BENT_PATH}/acme/app:1 dir:other`,
  // What skopeo was given as a token, as it was given.
  `curl -sS -u ${IMAGES_USER}:$IMAGES_TOKEN "https://${TOKENS}/token?service=${IMAGES}" > token.json`,
  'cd package && show ../npm npm publish --access public --loglevel=http --fetch-retries=0 --no-update-notifier',
  'show ../tokens npm token list --fetch-retries=0',
].join('\n');
/** npm reads hundreds of files before its first word. */
const SLOW = 900_000;
const isRoot = process.getuid?.() === 0;

let rig: CliRig;
let run: ClientRun;

beforeAll(async () => {
  rig = new CliRig();
  if (!isRoot) return;
  rig.write('package/package.json', '{"name":"@acme/lib","version":"1.2.3"}');
  rig.write('package/.npmrc', `registry=https://${NPM}/\n//${NPM}/:_authToken=\${NPM_TOKEN}\n`);
  run = await runClients(rig, { policy: POLICY, guest: GUEST });
}, SLOW);
afterAll(() => rig.remove());
beforeEach((context) => {
  if (!isRoot) context.skip('a network namespace with addresses of its own needs root');
});

const output = (name: string): string => rig.read(`${name}.out`);
const answers = (host: string, start = ''): number[] =>
  run.seen
    .filter(({ host: at, method, url }) => at === host && `${method} ${url}`.startsWith(start))
    .map(({ status }) => status);

describe('npm', () => {
  it('publishes the one package, with a token that is minted for it and ends with the session', () => {
    expect(output('npm'), run.stderr).toContain('+ @acme/lib@1.2.3');
    expect(output('npm')).toContain('exit 0');
    expect(answers(NPM, 'POST /-/npm/v1/oidc/token/exchange/package/@acme%2flib')).toEqual([201]);
    expect(answers(NPM, 'PUT /@acme')).toEqual([201]);
    expect(answers(NPM, 'DELETE /-/user/token/')).toEqual([200]);
    expect(run.live).toBe(0);
  });

  it('gets nothing else of the registry with it', () => {
    expect(output('tokens')).toContain('agent-sandbox rule builtin/placeholder');
    expect(output('tokens')).not.toContain('exit 0');
    expect(answers(NPM, 'GET /-/')).toEqual([]);
  });
});

describe('skopeo', () => {
  it('copies an image with a placeholder of the token that its password bought', () => {
    expect(output('skopeo'), run.stderr).toContain('exit 0');
    expect(rig.read('image/manifest.json')).toContain('application/vnd.oci.image.layer');
    expect(answers(IMAGES, 'GET /v2/acme/app/manifests/1')).toEqual([200]);
    // The token itself, as any client gets it: nothing that the registry would know.
    const { token, access_token: again } = JSON.parse(rig.read('token.json')) as {
      token: string;
      access_token: string;
    };
    expect(token).toMatch(/^asbx[a-z2-7]{32}$/);
    expect(again).toBe(token);
  });

  it('shows the password to no other host, and on no other path, that a registry leads it to', () => {
    for (const name of ['bent-host', 'bent-path']) {
      expect(output(name)).toContain('exit 1');
      expect(output(name)).not.toContain('manifest unknown');
    }
    expect(answers(STRANGER)).toEqual([]);
    expect(answers(TOKENS, 'GET /other')).toEqual([]);
    const refused = rig.denials().map(({ request, rule }) => `${rule?.id} ${request}`);
    expect(refused).toContain(`builtin/placeholder GET https://${STRANGER}/token`);
    expect(refused).toContain(`builtin/placeholder GET https://${TOKENS}/other`);
  });
});

it('no secret is in what the guest saw and the session left', () => {
  expect(leaksOf(rig, run)).toEqual([]);
});
