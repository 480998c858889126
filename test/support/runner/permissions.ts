// What a job's token may do: the job's `permissions:`, else the workflow's, else the repository's default.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#permissions

export type Permissions = Readonly<Record<string, string>>;

const NAMES = [
  ...['actions', 'artifact-metadata', 'attestations', 'checks', 'contents', 'deployments'],
  ...['discussions', 'id-token', 'issues', 'models', 'packages', 'pages', 'pull-requests'],
  ...['repository-projects', 'security-events', 'statuses'],
];
const WRITE_ONLY = new Set(['id-token']);

/** Naming one leaves out all others. Of a fork's pull request nothing can be written, nor an identity token be had. */
export function permissionsOf(declared: unknown, usual: Permissions, isFork: boolean): Permissions {
  const all = expand(declared, usual);
  const levels = Object.entries(all).flatMap(([name, level]): [string, string][] => {
    if (!NAMES.includes(name)) throw new Error(`Invalid workflow file: no permission '${name}'`);
    if (level === 'none' || (isFork && WRITE_ONLY.has(name))) return [];
    return [[name, isFork ? 'read' : level]];
  });
  return { ...Object.fromEntries(levels), metadata: 'read' };
}

function expand(declared: unknown, usual: Permissions): Permissions {
  if (declared === undefined || declared === null) return usual;
  if (typeof declared === 'object') return declared as Permissions;
  if (declared === 'write-all') return Object.fromEntries(NAMES.map((name) => [name, 'write']));
  if (declared === 'read-all')
    return Object.fromEntries(
      NAMES.filter((name) => !WRITE_ONLY.has(name)).map((name) => [name, 'read']),
    );
  throw new Error(`Invalid workflow file: permissions: ${JSON.stringify(declared)}`);
}
