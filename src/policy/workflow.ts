// What a step in a workflow may hand to the steps after it. Of several layers the stricter wins; more than the defaults takes leave
// of the layers above, as an allow does. Names by which later steps could be taken over are never handed on.
import type { Clamp, WorkflowHandover } from '../model/policy.ts';
import { matchesName } from '../match/path.ts';
import type { LayerSource, WorkflowSection } from './document.ts';
import type { Reporter } from './reporter.ts';
import { childOf, itemsOf, stringOf, type TextNode } from './yaml-text.ts';

/**
 * Variables that steer the runner, loaders, interpreters and clients of later steps.
 * https://github.com/actions/runner refuses NODE_OPTIONS alone.
 */
const NEVER = [
  'ACTIONS_*',
  'GITHUB_*',
  'RUNNER_*',
  'INPUT_*',
  'STATE_*',
  'NODE_*',
  'LD_*',
  'DYLD_*',
  'BASH_*',
  'ENV',
  'PATH',
  'IFS',
  'SHELL',
  'SHELLOPTS',
  'HOME',
  'CDPATH',
  'PROMPT_COMMAND',
  'GIT_*',
  'SSH_*',
  'PYTHON*',
  'PERL*',
  'RUBY*',
  'JAVA_TOOL_OPTIONS',
  'JDK_JAVA_OPTIONS',
  '_JAVA_OPTIONS',
  'DOTNET_*',
  'AGENT_SANDBOX_*',
  '*_PROXY',
  'NPM_CONFIG_*',
  'PIP_*',
  'DOCKER_*',
  'KUBECONFIG',
  'EDITOR',
  'VISUAL',
  'PAGER',
  'BROWSER',
  'PS4',
  'ZDOTDIR',
  'LESSOPEN',
  'LESSCLOSE',
  'MAKEFLAGS',
  'MAKEFILES',
  'TAR_OPTIONS',
  'RSYNC_RSH',
  'SUDO_*',
  'GH_*',
  'XDG_*',
  'GCONV_PATH',
  'OPENSSL_*',
  'SSL_CERT_*',
  'CURL_*',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_*',
  'AWS_PROFILE',
  'AWS_ENDPOINT_*',
  'AWS_CA_*',
  'CARGO_*',
  'RUSTC*',
  'RUSTUP_*',
  'GOENV',
  'GOFLAGS',
  'GOPROXY',
  'GOTOOLCHAIN',
  'MAVEN_*',
  'GRADLE_*',
  'CLASSPATH',
  'CORECLR_*',
  'COMPLUS_*',
  'NUGET_*',
  'PHPRC',
  'PHP_INI_*',
  'COMPOSER_*',
  'GEM_*',
  'BUNDLE_*',
  'LUA_*',
  'YARN_*',
  'PNPM_*',
  'COREPACK_*',
  'BUN_*',
  'DENO_*',
  'UV_*',
  'POETRY_*',
  'TF_*',
  'HELM_*',
  'CC',
  'CXX',
];

/** Whether no policy can let a step set this variable for later ones. */
export function isNeverHanded(name: string): boolean {
  const upper = name.toUpperCase();
  return NEVER.some((pattern) => matchesName(pattern, upper));
}

/** Whether a step may set this variable for later ones. */
export function mayHand({ env }: WorkflowHandover, name: string): boolean {
  return !isNeverHanded(name) && env.some((pattern) => matchesName(pattern, name));
}

export function readWorkflow(root: TextNode, report: Reporter): WorkflowSection {
  const section = childOf(root, 'workflow');
  const outputs = booleanOf(childOf(section, 'outputs'));
  const path = booleanOf(childOf(section, 'path'));
  const list = childOf(section, 'env');
  const env = itemsOf(list).flatMap((node) => {
    const name = stringOf(node);
    if (name === undefined) return [];
    if (!name.includes('*') && isNeverHanded(name))
      report.error(
        'workflow-name',
        node.span,
        `\`${name}\` steers what later steps run, and no step may set it`,
        'hand over a variable of your own, and let the later step use it',
      );
    return [name];
  });
  return {
    ...(outputs !== undefined && { outputs }),
    ...(list !== undefined && { env }),
    ...(path !== undefined && { path }),
  };
}

const booleanOf = (node: TextNode | undefined): boolean | undefined =>
  node?.kind === 'scalar' && typeof node.value === 'boolean' ? node.value : undefined;

/**
 * Outputs unless some layer says no; variables and PATH where some layer says so, and the org layer, where there is one, says so
 * too: it delegates nothing of it otherwise.
 */
export function resolveWorkflow(
  sources: readonly LayerSource[],
  clamps: Clamp[],
): WorkflowHandover {
  const org = sources.find(({ name }) => name === 'org');
  const ceiling = org && statedBy(org);
  const env = new Set<string>();
  let path = false;
  for (const source of sources) {
    const own = statedBy(source);
    for (const pattern of own.env)
      // A `*` of the pattern is met by a `*` alone, so what is covered is so whatever it stands for.
      if (ceiling === undefined || ceiling.env.some((outer) => matchesName(outer, pattern)))
        env.add(pattern);
      else clamps.push(exceeding(source, 'env', `\`${pattern}\``));
    if (own.path !== true) continue;
    if (ceiling === undefined || ceiling.path === true) path = true;
    else clamps.push(exceeding(source, 'path', '`path: true`'));
  }
  const all = sources.map(statedBy);
  return {
    outputs: all.every(({ outputs }) => outputs !== false),
    env: [...env].sort(),
    path: path && all.every((one) => one.path !== false),
  };
}

/** A layer's own file has the word where the files that it extends say otherwise; names add up. */
function statedBy({ documents }: LayerSource): WorkflowSection & { env: string[] } {
  const stated = documents.map(({ workflow }) => workflow);
  const outputs = stated.find((one) => one.outputs !== undefined)?.outputs;
  const path = stated.find((one) => one.path !== undefined)?.path;
  return {
    env: stated.flatMap((one) => one.env ?? []),
    ...(outputs !== undefined && { outputs }),
    ...(path !== undefined && { path }),
  };
}

function exceeding({ name, documents }: LayerSource, key: string, what: string): Clamp {
  const place = `workflow.${key}`;
  const document = documents.find(({ mentions }) => mentions[place] !== undefined) ?? documents[0];
  const { line = 0, column = 0 } = document.mentions[place] ?? {};
  return {
    rule: { place, file: document.file, line, column, layer: name },
    by: 'org/max',
    message: `${what} exceeds what the org layer lets a step hand to later ones`,
  };
}
