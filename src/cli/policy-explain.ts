// `policy explain`: the decision about one request, what was considered, and what would have to be written to allow it.
import { Command } from 'commander';
import type { RuleReference } from '../model/decision.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { showControls } from '../policy/diagnostic.ts';
import { explain, type Explanation } from '../policy/explain.ts';
import { formatRate, formatSize } from '../policy/quantity.ts';
import { parseRequest } from '../policy/request-syntax.ts';
import { followLinks } from '../source/load.ts';
import { err, json, out, paint } from './output.ts';
import { addLayerOptions, type LayerOptions, loadLayers, reportFaults } from './policy-options.ts';

const ERROR = 2;

export function explainCommand(): Command {
  const command = new Command('explain')
    .description(
      'say how a request is decided, by which rule, and what would allow it; exits 0 allow, 1 deny, 2 error',
    )
    .argument('<request>', 'for example "connect example.com:443" or "write src/main.ts"')
    .argument('[file]', 'the policy (default: as --policy)');
  return addLayerOptions(command).action(
    (text: string, file: string | undefined, options: LayerOptions) => {
      const loaded = loadLayers(options, file);
      reportFaults(loaded);
      if (loaded.policy === undefined) {
        process.exitCode = ERROR;
        return;
      }
      const parsed = parseRequest(text, loaded.policy);
      if (parsed.request === undefined) {
        err(`agent-sandbox: ${parsed.error}`);
        process.exitCode = ERROR;
        return;
      }
      const { request } = parsed;
      // A file is judged by where it is: the sandbox follows links before it asks.
      const judged =
        'path' in request && request.kind !== 'http'
          ? { ...request, path: followLinks(request.path) }
          : request;
      const explanation = explain(loaded.policy, judged);
      process.exitCode = explanation.decision.effect === 'allow' ? 0 : 1;
      if (options.json)
        json({ ...explanation, mode: loaded.policy.mode, policyDigest: loaded.policy.digest });
      else print(explanation, loaded.policy);
    },
  );
}

function print(
  { request, decision, considered, edit }: Explanation,
  policy: EffectivePolicy,
): void {
  const isAllowed = decision.effect === 'allow';
  const effect = paint(isAllowed ? 'green' : 'red', decision.effect);
  const how = decision.isPrivate
    ? ' (into a copy of the session)'
    : decision.isInspected
      ? ' (with every HTTP request judged)'
      : !isAllowed && policy.mode === 'audit'
        ? ' (audit: recorded)'
        : '';
  out(`${effect}  ${request}${how}`);
  out(`rule    ${toText(decision.rule)}`);
  out(`reason  ${showControls(decision.reason)}`);
  for (const { rule, limit, egress } of decision.limits ?? []) {
    const most = [
      ...(limit === undefined ? [] : [formatRate(limit)]),
      ...(egress === undefined ? [] : [`${formatSize(egress)} out`]),
    ];
    out(`at most ${most.join(', ')}, by ${toText(rule)}`);
  }
  out('considered');
  for (const { layer, file, allows, denies, ceiling } of considered) {
    const said = [
      ...denies.map((rule) => `denied by ${toText(rule)}`),
      ...allows.map((rule) => `allowed by ${toText(rule)}`),
      ...(ceiling === 'none'
        ? []
        : [ceiling === 'within' ? 'within its ceiling' : 'outside its ceiling']),
    ];
    out(
      `  ${layer.padEnd(8)}${showControls(file === 'builtin' ? '' : `${file}: `)}${said.length === 0 ? 'says nothing' : said.join('; ')}`,
    );
  }
  if (edit !== '') out(`\n${showLines(edit)}`);
}

/** Line breaks are the edit's own. */
function showLines(text: string): string {
  return text.split('\n').map(showControls).join('\n');
}

function toText(rule: RuleReference): string {
  const place = rule.line === 0 ? '' : ` at ${rule.file}:${rule.line}`;
  return showControls(`${rule.id}${place}`);
}
