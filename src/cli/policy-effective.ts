// `policy effective`: what all layers come to.
import { Command } from 'commander';
import type {
  EffectivePolicy,
  ExecutionRule,
  FilesystemRule,
  Layer,
  NetworkRule,
  RuleOrigin,
  Sections,
} from '../model/policy.ts';
import { showControls } from '../policy/diagnostic.ts';
import { isRequestLevel } from '../policy/request-rule.ts';
import { formatDuration, formatSize } from '../policy/quantity.ts';
import { json, out, paint } from './output.ts';
import { exitCodeOf } from './policy-check.ts';
import { addLayerOptions, type LayerOptions, loadLayers, reportFaults } from './policy-options.ts';

export function effectiveCommand(): Command {
  const command = new Command('effective')
    .description('print the policy that all layers come to')
    .argument('[file]', 'the policy (default: as --policy)');
  return addLayerOptions(command).action((file: string | undefined, options: LayerOptions) => {
    const loaded = loadLayers(options, file);
    reportFaults(loaded);
    process.exitCode = exitCodeOf(loaded, loaded.diagnostics);
    if (loaded.policy === undefined) return;
    if (options.json) json(loaded.policy);
    else print(loaded.policy);
  });
}

function print(policy: EffectivePolicy): void {
  const { limits } = policy;
  const facts: [string, string | undefined][] = [
    ['digest', policy.digest],
    ['mode', policy.mode],
    ['workspace', policy.workspace],
    ['user', policy.user],
    [
      'isolation',
      policy.require.isolation === undefined ? undefined : `${policy.require.isolation} required`,
    ],
    ['limits', limitsOf(limits)],
    ['tool calls', toolLimitsOf(policy.mcp.limits)],
  ];
  for (const [name, value] of facts)
    if (value !== undefined) out(`${name.padEnd(11)}${showControls(value)}`);
  for (const layer of policy.layers) printLayer(layer);
  for (const { message } of policy.clamps)
    out(`${paint('yellow', 'clamped')}    ${showControls(message)}`);
}

function limitsOf(limits: EffectivePolicy['limits']): string {
  const { cpus, memory, timeout, processes, disk, egress, denials } = limits;
  return [
    `cpus ${cpus}`,
    `memory ${formatSize(memory)}`,
    `processes ${processes}`,
    ...(timeout === undefined ? [] : [`timeout ${formatDuration(timeout)}`]),
    ...(disk === undefined ? [] : [`disk ${formatSize(disk)}`]),
    ...(egress === undefined ? [] : [`egress ${formatSize(egress)}`]),
    ...(denials === undefined ? [] : [`denials ${denials}`]),
  ].join(', ');
}

function toolLimitsOf({
  calls,
  egress,
  ingress,
  timeout,
}: EffectivePolicy['mcp']['limits']): string | undefined {
  const all = [
    ...(calls === undefined ? [] : [`at most ${calls}`]),
    ...(egress === undefined ? [] : [`egress ${formatSize(egress)}`]),
    ...(ingress === undefined ? [] : [`ingress ${formatSize(ingress)}`]),
    ...(timeout === undefined ? [] : [`timeout ${formatDuration(timeout)} each`]),
  ];
  return all.length === 0 ? undefined : all.join(', ');
}

function printLayer(layer: Layer): void {
  out(
    `\n${paint('bold', layer.name)}  ${showControls(layer.file === 'builtin' ? '' : layer.file)}`,
  );
  printSections(layer, '');
  if (layer.max !== undefined) printSections(layer.max, 'max ');
}

function printSections(sections: Sections, prefix: string): void {
  const line = (effect: string, text: string, rule: RuleOrigin): void => {
    const place = rule.line === 0 ? (rule.id ?? rule.place) : `${rule.file}:${rule.line}`;
    out(
      `  ${`${prefix}${effect}`.padEnd(9)}${showControls(text)}  ${paint('dim', showControls(place))}`,
    );
  };
  for (const effect of ['allow', 'deny'] as const) {
    for (const rule of sections.network[effect]) line(effect, networkText(rule), rule);
    for (const rule of sections.filesystem[effect]) line(effect, fileText(rule, effect), rule);
    for (const rule of sections.execution[effect]) line(effect, executionText(rule), rule);
  }
  for (const credential of sections.credentials)
    line('mint', `${credential.id} (${credential.provider})`, credential);
}

function networkText(rule: NetworkRule): string {
  const ports = rule.ports === undefined ? 'every port' : `port ${rule.ports.join(', ')}`;
  const hosts = [...rule.hosts, ...rule.cidrs].join(', ');
  if (!isRequestLevel(rule)) return `connect ${hosts}, ${ports}`;
  const listOf = (all: string[] | undefined, what: string): string =>
    all === undefined ? `any ${what}` : all.length === 0 ? `no ${what}` : all.join(', ');
  return `request ${listOf(rule.methods, 'method')} ${listOf(rule.paths, 'path')} on ${hosts}, ${ports}`;
}

function fileText(rule: FilesystemRule, effect: 'allow' | 'deny'): string {
  // A private deny is a cap: what is written there stays with the session.
  if (effect === 'deny' && rule.access === 'private')
    return `write ${rule.path} on the host; writes stay in the session`;
  const what =
    effect === 'deny' && rule.access !== 'write' ? 'read and write' : (rule.access ?? 'read');
  return `${what} ${rule.path}`;
}

function executionText(rule: ExecutionRule): string {
  return `exec ${rule.path}`;
}
