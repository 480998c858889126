// What is neither read nor written whatever a policy says, and what is private at most. Paths are patterns; those of a
// home are relative to it.

/** In a home directory. */
export const HOME_SECRETS: readonly string[] = [
  // keys and their agents
  '.ssh',
  '.gnupg',
  '.password-store',
  '.local/share/keyrings',
  '.config/sops',
  '.config/op',
  '.age',
  'Library/Keychains',
  'Library/Cookies',
  // clouds
  '.aws',
  '.azure',
  '.config/gcloud',
  '.boto',
  '.s3cfg',
  '.oci',
  '.config/doctl',
  '.config/hcloud',
  '.config/linode-cli',
  '.config/rclone',
  '.fly',
  '.config/.wrangler',
  '.wrangler/config',
  '.config/netlify',
  '.config/heroku',
  '.config/vercel',
  '.local/share/com.vercel.cli',
  '.databrickscfg',
  '.snowflake',
  '.kaggle',
  '.kube',
  '.vault-token',
  '.terraform.d/credentials.tfrc.json',
  '.terraformrc',
  '.pulumi/credentials.json',
  // code hosts and version control
  '.config/gh',
  '.config/hub',
  '.config/glab-cli',
  '.config/github-copilot',
  '.git-credentials',
  '.config/git/credentials',
  '.netrc',
  '_netrc',
  // containers
  '.docker',
  '.config/containers/auth.json',
  '.colima',
  '.rd',
  '.orbstack/run',
  '.local/share/containers/podman',
  // packages
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
  '.pypirc',
  '.pip/pip.conf',
  '.config/pip/pip.conf',
  '.config/uv/credentials',
  '.local/share/uv/credentials',
  '.config/pypoetry/auth.toml',
  '.cargo/credentials',
  '.cargo/credentials.toml',
  '.gem/credentials',
  '.bundle/config',
  '.composer/auth.json',
  '.config/composer/auth.json',
  '.m2/settings.xml',
  '.m2/settings-security.xml',
  '.gradle/gradle.properties',
  '.nuget/NuGet',
  '.config/NuGet',
  '.cache/huggingface/token',
  '.huggingface/token',
  // agents' own sign-ins
  '.claude.json',
  '.claude/.credentials.json',
  '.codex/auth.json',
  '.gemini/oauth_creds.json',
  '.local/share/opencode/auth.json',
  '.config/goose/secrets.yaml',
  '.cursor/auth.json',
  '.aider.conf.yml',
  // databases
  '.pgpass',
  '.my.cnf',
  '.mylogin.cnf',
  '.dbt/profiles.yml',
  // what was typed
  '.*_history',
  '.*-history',
  '.local/share/fish/fish_history',
];

/** Browser profiles, in a home directory. */
export const BROWSER_PROFILES: readonly string[] = [
  '.mozilla',
  '.thunderbird',
  '.librewolf',
  '.config/google-chrome*',
  '.config/chromium',
  '.config/BraveSoftware',
  '.config/microsoft-edge*',
  '.config/vivaldi*',
  '.config/opera*',
  'snap/firefox',
  'snap/chromium',
  '.var/app/org.mozilla.firefox',
  '.var/app/com.google.Chrome',
  '.var/app/org.chromium.Chromium',
  '.var/app/com.brave.Browser',
  'Library/Safari',
  'Library/Application Support/Firefox',
  'Library/Application Support/Google/Chrome*',
  'Library/Application Support/Chromium',
  'Library/Application Support/BraveSoftware',
  'Library/Application Support/Microsoft Edge*',
  'Library/Application Support/Arc',
];

/** The sockets and stores of container engines. */
export const CONTAINER_ENGINES: readonly string[] = [
  '/run/docker.sock',
  '/var/run/docker.sock',
  '/run/docker',
  '/run/containerd',
  '/run/podman',
  '/var/run/podman',
  '/run/crio',
  '/run/buildkit',
  '/run/user/*/docker.sock',
  '/run/user/*/docker',
  '/run/user/*/podman',
  '/run/user/*/containerd*',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/containers',
];

/** In system directories that can otherwise be read. */
export const SYSTEM_SECRETS: readonly string[] = [
  '/etc/shadow*',
  '/etc/gshadow*',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/etc/security/opasswd',
  '/etc/ssh/ssh_host_*_key',
  '/etc/ssl/private',
  '/etc/pki/*/private',
  '/etc/krb5.keytab',
  '/etc/NetworkManager/system-connections',
  '/etc/netplan',
  '/etc/wireguard',
  '/etc/openvpn',
  '/etc/wpa_supplicant',
  '/etc/kubernetes',
  '/etc/rancher',
  '/etc/letsencrypt/keys',
  '/etc/letsencrypt/live',
  '/etc/letsencrypt/archive',
  '/etc/letsencrypt/accounts',
  '/etc/docker/certs.d',
  '/etc/containers/auth.json',
  '/etc/cloud/cloud.cfg.d',
  '/var/lib/cloud',
  '/etc/npmrc',
  '/etc/**/*.keytab',
];

/** A self-hosted runner's own files, by names that hardly anybody else gives. */
export const RUNNER_FILES: readonly string[] = ['_diag', '.credentials*', '.runner*'];

/** More of them, by names that others give too: only where a runner surely is. */
export const RUNNER_SETTINGS: readonly string[] = ['.env', '.path', '.service'];

/** The runner's own directories, beside the checkouts. */
export const RUNNER_DIRECTORIES: readonly string[] = ['_temp', '_actions'];

/** Where hosted runners keep their checkouts. */
const HOSTED_WORK = '/home/runner/work';

/** The same wherever a runner may be, known by names nobody else uses. */
export const RUNNER_ANYWHERE: readonly string[] = [
  '/**/.credentials_rsaparams',
  '/**/.credentials_migrated',
  '/**/actions-runner/.credentials*',
  '/**/actions-runner/.runner*',
  '/**/actions-runner/_diag',
  '/**/_work/_temp',
  '/**/_work/_actions',
  ...RUNNER_DIRECTORIES.map((name) => `${HOSTED_WORK}/${name}`),
  '/home/runner/runners',
  '/**/gha-creds-*.json',
];

/**
 * The files by which a repository runs code on whoever uses it next: hooks, settings, and pointers to either. The guest
 * works on its own copy of them.
 */
export const REPOSITORY_CONTROL: readonly string[] = [
  '/**/.git/hooks',
  '/**/.git/config',
  '/**/.git/config.worktree',
  '/**/.git/commondir',
  '/**/.git/gitdir',
  '/**/.git/modules/**/hooks',
  '/**/.git/modules/**/config',
  '/**/.git/modules/**/config.worktree',
  '/**/.git/modules/**/commondir',
  '/**/.git/worktrees/**/hooks',
  '/**/.git/worktrees/**/config',
  '/**/.git/worktrees/**/config.worktree',
  '/**/.git/worktrees/**/commondir',
  '/**/.git/worktrees/**/gitdir',
  '/**/.git/rebase-merge/git-rebase-todo',
  '/**/.hg/hgrc',
  '/**/.hg/hgrc-not-shared',
];

/** A file (not a directory) of this name sends git to a repository elsewhere. */
export const REPOSITORY_POINTER = '/**/.git';
