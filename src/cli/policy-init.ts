// `policy init`: a first policy file for a repository, on top of a template.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { SandboxError } from '../model/error.ts';
import { DEFAULT_POLICY } from '../source/builtin.ts';
import { json, out } from './output.ts';
import { packageDirectory } from './version.ts';

interface InitOptions {
  workspace?: string;
  output?: string;
  force: boolean;
  list: boolean;
  json: boolean;
}

export function initCommand(): Command {
  return new Command('init')
    .description('write a first policy for a repository')
    .argument('[template]', 'the template to build on (default: by what the workspace holds)')
    .option('--workspace <dir>', 'the workspace (default: the current directory)')
    .option('--output <file>', `where to write (default: ${DEFAULT_POLICY} in the workspace)`)
    .option('--force', 'write over a file that is there', false)
    .option('--list', 'list the templates', false)
    .option('--json', 'print the result as JSON', false)
    .action((given: string | undefined, options: InitOptions) => {
      const templates = readTemplates();
      if (options.list) {
        if (options.json) json(templates);
        else for (const { name, about } of templates) out(`${name.padEnd(16)}${about}`);
        return;
      }
      const workspace = resolve(options.workspace ?? process.cwd());
      const template = given ?? guessTemplate(workspace);
      if (!templates.some(({ name }) => name === template))
        throw refusal(
          `there is no template '${template}'`,
          `one of ${templates.map(({ name }) => name).join(', ')}`,
        );
      const file = resolve(options.output ?? join(workspace, DEFAULT_POLICY));
      if (existsSync(file) && !options.force)
        throw refusal(`${file} is there already`, 'add --force to write over it');
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, textFor(template));
      if (options.json) json({ file, template });
      else out(`wrote ${file}, built on ${template}\nnext: agent-sandbox policy check`);
    });
}

function refusal(message: string, hint: string): SandboxError {
  return new SandboxError({ kind: 'usage', code: 'POLICY_INIT_REFUSED', message, hint });
}

/** Names of the templates, each with the first line of its comment. */
function readTemplates(): { name: string; about: string }[] {
  const directory = join(packageDirectory, 'policy-templates');
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .map((name) => ({
      name: name.slice(0, -'.yml'.length),
      about: /^# (.*)/.exec(readFileSync(join(directory, name), 'utf8'))?.[1] ?? '',
    }));
}

function guessTemplate(workspace: string): string {
  const holds = (...names: string[]): boolean =>
    names.some((name) => existsSync(join(workspace, name)));
  if (holds('package.json')) return 'node-project';
  if (holds('pyproject.toml', 'requirements.txt', 'setup.py', 'setup.cfg')) return 'python-project';
  return 'locked-down';
}

function textFor(template: string): string {
  return `# What an agent may touch in this repository.
#   agent-sandbox policy check                            is it well written?
#   agent-sandbox policy test                             do the tests below hold?
#   agent-sandbox policy explain "connect example.com:443"
version: 1
extends: [${template}]

# Add what the template does not allow. Without \`ports\`, a host is allowed on 80 and 443.
# network:
#   allow:
#     - host: registry.example.com
#     - {host: "*.example.com", ports: [443]}
# filesystem:
#   deny:
#     - {path: "secrets/**", reason: "not for agents"}

tests:
  - {request: "connect 169.254.169.254:80", expect: deny}
  - {request: "write ${DEFAULT_POLICY}", expect: deny}
`;
}
