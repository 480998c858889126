// `credential list` and `credential check`: what a policy would have minted, for whom, and where it could go.

import { Command } from 'commander';

import { readProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import { laptopActor } from '../identity/gh-login.ts';
import { platformIdentity } from '../identity/platform.ts';
import type { Bind } from '../model/credential.ts';
import { messageOf, SandboxError } from '../model/error.ts';
import type { EffectivePolicy, GrantedCredential } from '../model/policy.ts';
import { showControls } from '../policy/diagnostic.ts';
import { createDecider } from '../policy/decide.ts';
import { formatDuration, formatRate } from '../policy/quantity.ts';
import { checkCredential } from '../session/check-credential.ts';
import { whyNot } from '../session/credentials.ts';
import { mayWriteBy } from '../session/out-of-reach.ts';
import { hostAuthorities } from '../session/trust.ts';
import { isTrusted } from '../source/trusted.ts';
import { journalDirectory, trustedFile } from './directories.ts';
import { EXIT } from './exit-code.ts';
import { err, json, out, paint } from './output.ts';
import { addLayerOptions, type LayerOptions, loadLayers, reportFaults } from './policy-options.ts';
import { resolveIdentity } from './run-identity.ts';

export function credentialCommand(): Command {
  return new Command('credential')
    .description('what would be minted, for whom, and where it could go')
    .addCommand(listCommand())
    .addCommand(checkCommand());
}

function listCommand(): Command {
  const command = new Command('list')
    .description('list the credentials that the layers come to; mints nothing')
    .argument('[file]', 'the policy (default: as --policy)');
  return addLayerOptions(command).action((file: string | undefined, options: LayerOptions) => {
    const policy = policyOf(options, file);
    if (policy === undefined) return;
    const rows = policy.credentials.map((credential) => ({
      id: credential.id,
      provider: credential.provider,
      layer: credential.layer,
      file: credential.file,
      line: credential.line,
      request: credential.request,
      ...(credential.ttl !== undefined && { ttl: formatDuration(credential.ttl) }),
      expose: credential.expose,
      bind: credential.bind,
      ...(faultOf(credential) !== undefined && { missing: faultOf(credential) }),
    }));
    if (options.json) json(rows);
    else if (rows.length === 0) out('the policy grants no credential');
    else {
      const { login, assurance } =
        platformIdentity(process.env)?.actor ?? laptopActor(policy.home, process.env);
      out(`for ${showControls(login)} (${assurance})`);
      policy.credentials.forEach(print);
    }
  });
}

const faultOf = (credential: GrantedCredential): string | undefined =>
  whyNot(credential, process.env)?.message;

function print(credential: GrantedCredential): void {
  const { id, provider, layer, file, line, request, ttl, expose, bind } = credential;
  out(
    `${paint('bold', id)}  ${provider}  ${paint('dim', showControls(`${layer}, ${file}:${line}`))}`,
  );
  const fault = faultOf(credential);
  const facts: [string, string[]][] = [
    ['asks', Object.entries(request).map(([key, value]) => `${key} ${textOf(value)}`)],
    ['until', [ttl === undefined ? 'its provider ends it, or the session' : formatDuration(ttl)]],
    ['shown as', exposed(expose)],
    [
      'goes to',
      [
        ...bind.map(placeOf),
        ...expose.git.map((git) => `${git.host} (git ${git.verbs.join(', ')})`),
      ],
    ],
    ['missing', fault === undefined ? [] : [fault]],
  ];
  for (const [name, values] of facts)
    for (const [i, value] of values.entries())
      out(`  ${(i === 0 ? name : '').padEnd(9)} ${showControls(value)}`);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function exposed({ env, metadata }: GrantedCredential['expose']): string[] {
  return [
    ...(env.length === 0 ? [] : [env.join(', ')]),
    ...(metadata ? ["the address where the vendor's SDKs look"] : []),
  ];
}

function placeOf({ hosts, ports, methods, paths, limit, sign }: Bind): string {
  const port = ports.every((one) => one === 443) ? '' : `:${ports.join(',')}`;
  return [
    methods === undefined ? 'any method' : methods.join(', '),
    `https://${hosts.join(', ')}${port}`,
    paths === undefined ? 'any path' : paths.join(', '),
    ...(sign === undefined ? [] : [`signed for ${sign.service} in ${sign.region}`]),
    ...(limit === undefined ? [] : [formatRate(limit)]),
  ].join(' ');
}

function checkCommand(): Command {
  const command = new Command('check')
    .description('mint one credential, say what was granted, and revoke it')
    .argument('<id>', 'as the policy calls it')
    .argument('[file]', 'the policy (default: as --policy)');
  return addLayerOptions(command).action(
    async (id: string, file: string | undefined, options: LayerOptions) => {
      // It mints, and may run programs of the host for that: not for a policy that nobody here has accepted.
      const policy = policyOf(options, file, true);
      if (policy !== undefined) process.exitCode = await check(id, policy, options.json);
    },
  );
}

async function check(id: string, policy: EffectivePolicy, isJson: boolean): Promise<number> {
  const credential = policy.credentials.find((one) => one.id === id);
  if (credential === undefined)
    throw new SandboxError({
      kind: 'usage',
      code: 'CREDENTIAL_UNKNOWN',
      message: `the policy grants no credential '${id}'`,
      hint: 'see `agent-sandbox credential list`',
    });
  const missing = whyNot(credential, process.env);
  if (missing !== undefined) throw missing;
  const notice = (line: string): void => err(`agent-sandbox: ${line}`);
  const { actor, run } = await resolveIdentity(policy, process.env, notice);
  const result = await checkCredential({
    credential,
    environment: process.env,
    home: policy.home,
    mayWrite: mayWriteBy(createDecider(policy)),
    actor,
    run,
    proxies: readProxySettings(process.env),
    ca: hostAuthorities(process.env, notice),
    journalDirectory: journalDirectory(process.env),
    onNotice: notice,
  }).catch((error: unknown) => ({ fault: messageOf(error) }));
  if (isJson) json({ id, ...result });
  else if ('fault' in result) err(`${paint('red', 'refused')}  ${showControls(result.fault)}`);
  else {
    out(`${paint('green', 'minted')}   ${result.kind} by ${credential.provider}`);
    out(`asked    ${showControls(JSON.stringify(result.requested))}`);
    out(`granted  ${showControls(JSON.stringify(result.granted))}`);
    out(`until    ${result.notAfter ?? 'it does not end by itself'}`);
    out(`end      ${WORDS[result.end]}`);
  }
  return 'fault' in result || result.end === 'failed' ? 1 : 0;
}

const WORDS = {
  revoked: 'revoked',
  expires: 'cannot be revoked early at this provider',
  failed: 'could not be revoked: tried again at the next start',
} as const;

function policyOf(
  options: LayerOptions,
  file: string | undefined,
  isMinting = false,
): EffectivePolicy | undefined {
  const trusted = trustedFile(process.env);
  const loaded = loadLayers(
    options,
    file,
    isMinting ? (path, digest) => isTrusted(trusted, { path, digest }) : undefined,
  );
  reportFaults(loaded);
  if (loaded.policy === undefined) process.exitCode = EXIT.failed;
  return loaded.policy;
}
