// `agent-sandbox policy`: the life of a policy before it is in force.
import { Command } from 'commander';
import { POLICY_SCHEMA } from '../policy/schema.ts';
import { json } from './output.ts';
import { checkCommand } from './policy-check.ts';
import { effectiveCommand } from './policy-effective.ts';
import { explainCommand } from './policy-explain.ts';
import { initCommand } from './policy-init.ts';
import { testCommand } from './policy-test.ts';

export function policyCommand(): Command {
  return new Command('policy')
    .description('write, check, test and explain policies')
    .addCommand(initCommand())
    .addCommand(checkCommand())
    .addCommand(testCommand())
    .addCommand(explainCommand())
    .addCommand(effectiveCommand())
    .addCommand(schemaCommand());
}

function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON Schema of a policy file, for editors')
    .option('--json', 'as it is anyway', false)
    .action(() => json(POLICY_SCHEMA));
}
