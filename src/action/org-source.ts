// `org-policy`: where the organisation keeps its policy.

import { SandboxError } from '../model/error.ts';

export interface OrgSource {
  repository: string;
  path: string;
  /** branch, tag or commit; absent: the default branch */
  ref?: string;
  /** somebody asked for it: that it is not there is a fault */
  isNamed: boolean;
}

const DEFAULT_PATH = 'agent-sandbox/org-policy.yml';
const PLACE =
  /^([A-Za-z0-9._-]+\/[A-Za-z0-9._-]+)((?:\/[A-Za-z0-9._-]+)*)(?:@([A-Za-z0-9._/-]+))?$/;

/**
 * `input`: `auto`, `none` or `owner/repo[/path]@ref`. `auto` is what the organisation's variable says, else the public `.github`
 * repository of the owner. Undefined: none.
 */
export function parseOrgSource(
  input: string,
  variable: string,
  owner: string,
): OrgSource | undefined {
  if (input === 'none') return undefined;
  if (input !== 'auto') return place(input, 'the input `org-policy`');
  if (variable !== '') return place(variable, 'the variable AGENT_SANDBOX_ORG_POLICY');
  return { repository: `${owner}/.github`, path: DEFAULT_PATH, isNamed: false };
}

function place(text: string, what: string): OrgSource {
  const [, repository, path = '', ref] = PLACE.exec(text) ?? [];
  const isPlain = !text.split(/[/@]/).some((part) => part === '.' || part === '..');
  if (repository === undefined || !isPlain)
    throw new SandboxError({
      kind: 'usage',
      code: 'ACTION_INPUT',
      message: `${what} must be auto, none or owner/repo[/path]@ref, not ${JSON.stringify(text.slice(0, 200))}`,
    });
  return {
    repository,
    path: path === '' ? DEFAULT_PATH : path.slice(1),
    ...(ref !== undefined && { ref }),
    isNamed: true,
  };
}
