// `policy test`: the `tests:` of every given file, asked of the layers as they stand together.
import { Command } from 'commander';
import type { PolicyTest } from '../policy/document.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { createDecider, type Decider } from '../policy/decide.ts';
import { showControls } from '../policy/diagnostic.ts';
import { parseRequest } from '../policy/request-syntax.ts';
import { json, out, paint } from './output.ts';
import { exitCodeOf, GOOD, NOT_GOOD } from './policy-check.ts';
import { addLayerOptions, type LayerOptions, loadLayers, reportFaults } from './policy-options.ts';

interface Outcome {
  file: string;
  line: number;
  request: string;
  expected: string;
  found: string;
  passed: boolean;
}

export function testCommand(): Command {
  const command = new Command('test')
    .description('run the tests: of policy files')
    .argument('[file]', 'the policy to test (default: as --policy)');
  return addLayerOptions(command).action((file: string | undefined, options: LayerOptions) => {
    const loaded = loadLayers(options, file);
    reportFaults(loaded);
    const { policy } = loaded;
    process.exitCode = exitCodeOf(loaded, loaded.diagnostics);
    if (policy === undefined) {
      if (options.json) json({ passed: 0, failed: 0, tests: [], diagnostics: loaded.diagnostics });
      return;
    }
    const decide = createDecider(policy);
    const outcomes = loaded.documents.flatMap((document) =>
      document.tests.map((test) => runTest(document.file, test, policy, decide)),
    );
    const failed = outcomes.filter((outcome) => !outcome.passed);
    if (failed.length > 0) process.exitCode = Math.max(process.exitCode ?? GOOD, NOT_GOOD);
    if (options.json) {
      json({ passed: outcomes.length - failed.length, failed: failed.length, tests: outcomes });
      return;
    }
    for (const outcome of failed) {
      out(
        `${paint('red', 'failed')}  ${showControls(`${outcome.file}:${outcome.line}: ${outcome.request}`)}`,
      );
      out(
        `        expected ${showControls(outcome.expected)}, found ${showControls(outcome.found)}`,
      );
    }
    out(`${outcomes.length - failed.length} passed, ${failed.length} failed`);
  });
}

function runTest(
  file: string,
  test: PolicyTest,
  policy: EffectivePolicy,
  decide: Decider,
): Outcome {
  const expected = `${test.expect}${test.rule === undefined ? '' : ` by ${test.rule}`}`;
  const outcome = { file, line: test.span.line, request: test.request, expected };
  const parsed = parseRequest(test.request, policy);
  if (parsed.request === undefined) return { ...outcome, found: parsed.error, passed: false };
  const { effect, isPrivate, rule } = decide(parsed.request);
  const isEffect =
    test.expect === 'private' ? effect === 'allow' && isPrivate : effect === test.expect;
  const isRule =
    test.rule === undefined ||
    rule.id === test.rule ||
    rule.id.slice(rule.id.indexOf('/') + 1) === test.rule;
  return {
    ...outcome,
    found: `${effect === 'allow' && isPrivate ? 'private' : effect} by ${rule.id}`,
    passed: isEffect && isRule,
  };
}
