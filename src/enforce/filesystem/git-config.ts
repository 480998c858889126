// Git settings as the guest may read them: without the lines that carry tokens. What checkout actions and clone URLs leave in
// a repository's settings is a credential, and the settings are shown for git to work.

/** Settings whose value is a secret by its name. */
const SECRET_KEY =
  /^\s*(?:\[[^\]]*\]\s*)?[\w.-]*(?:extraheader|token|passw|secret|passphrase|smtppass|apikey|api-key|oauth|cookie)[\w.-]*\s*=/i;
/** A command that answers for a credential, as `credential.helper` may hold. */
const SECRET_VALUE = /(?:password|token|authorization)\s*[=:]/i;
const USER_IN_URL = /(:\/\/)[^/\s"'@]*@/g;
const CONTINUED = /(?:^|[^\\])(?:\\\\)*\\$/;

const NAMES = new Set(['config', 'config.worktree']);
/** Larger settings are not git's. */
export const MAX_SETTINGS = 1 << 20;

/** Whether a path is one of git's settings of a repository, its modules or its worktrees. */
export function isGitSettings(path: string): boolean {
  return NAMES.has(path.slice(path.lastIndexOf('/') + 1)) && path.toLowerCase().includes('/.git/');
}

/** The settings without their tokens, or undefined when they hold none. One character per byte, in and out. */
export function withoutTokens(settings: string): string | undefined {
  const kept: string[] = [];
  let isDropping = false;
  for (const written of settings.split('\n')) {
    const line = written.replace(USER_IN_URL, '$1');
    const isContinued = CONTINUED.test(line);
    if (isDropping || SECRET_KEY.test(line) || SECRET_VALUE.test(line)) {
      // A section that begins on the line of its first setting still begins there.
      const section = isDropping ? undefined : /^\s*\[[^\]]*\]/.exec(line)?.[0];
      if (section !== undefined) kept.push(section);
      isDropping = isContinued;
      continue;
    }
    kept.push(line);
  }
  const clean = kept.join('\n');
  return clean === settings ? undefined : clean;
}
