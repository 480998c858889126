// The command of a local tool server: what a word, a variable and a package may be. No shell ever reads it; these checks keep a policy
// from meaning one, and from loading code into the program past its command.

const SHELLS = new Set([
  ...[
    'sh',
    'bash',
    'dash',
    'ash',
    'zsh',
    'ksh',
    'mksh',
    'fish',
    'csh',
    'tcsh',
    'busybox',
    'toybox',
  ],
  ...['pwsh', 'powershell', 'powershell.exe', 'cmd', 'cmd.exe'],
]);

/** Programs that run the program named behind them. */
const LAUNCHERS = new Set([
  ...[
    'env',
    'nohup',
    'nice',
    'ionice',
    'setsid',
    'stdbuf',
    'timeout',
    'time',
    'xargs',
    'sudo',
    'doas',
  ],
  ...[
    'su',
    'runuser',
    'chroot',
    'unshare',
    'nsenter',
    'script',
    'exec',
    'command',
    'eval',
    'watch',
    'flock',
  ],
]);

const ENGINES = new Set([
  ...['docker', 'podman', 'nerdctl', 'ctr', 'crictl', 'buildah', 'docker-compose', 'lima', 'finch'],
  ...['kubectl', 'runc', 'crun', 'systemd-run', 'systemd-nspawn', 'lxc', 'incus'],
]);

const baseOf = (word: string): string => word.slice(word.lastIndexOf('/') + 1).toLowerCase();

export interface CommandFault {
  /** index of the word */
  at: number;
  message: string;
  help: string;
}

/** What is wrong with the words of a command; `isShell`: that it runs a shell was said. */
export function faultOfCommand(
  words: readonly string[],
  isShell: boolean,
): CommandFault | undefined {
  if (words.length > 64)
    return { at: 64, message: 'a command is at most 64 words', help: 'put the rest into a file' };
  for (const [at, word] of words.entries()) {
    if (/[\u0000-\u001f\u007f-\u009f]|[\ud800-\udbff](?![\udc00-\udfff])/.test(word))
      return { at, message: 'a word holds no control characters', help: 'write one word an item' };
    if (!isShell && /\$[{(A-Za-z_]/.test(word))
      return {
        at,
        message: `variables are not replaced in "${word}"`,
        help: 'nothing of the host is put in; write the value',
      };
  }
  const program = baseOf(words[0] ?? '');
  if (/\s/.test(words[0] ?? ''))
    return {
      at: 0,
      message: `"${words[0] ?? ''}" is one word, and no program is called that`,
      help: 'write each word as an item of its own',
    };
  const engine = words.findIndex((word, i) => ENGINES.has(baseOf(word)) && isProgram(words, i));
  if (engine >= 0)
    return {
      at: engine,
      message: 'a server runs in a microVM of its own, where there is no container engine',
      help: 'name the program itself, and what it may do under `sandbox`',
    };
  const shell = words.findIndex(
    (word, i) =>
      SHELLS.has(baseOf(word)) && (isProgram(words, i) || /^-[a-z]*c/.test(words[i + 1] ?? '')),
  );
  const call =
    program === 'npx' || program === 'npm'
      ? words.findIndex((word) => word === '-c' || /^--call(?:=|$)/.test(word))
      : -1;
  const at = shell >= 0 ? shell : call;
  if (at >= 0 && !isShell)
    return {
      at,
      message: 'this runs a shell, which reads what it is given as a program',
      help: 'name the program itself, or write `shell: true` if that is meant',
    };
  return undefined;
}

/** Whether the word at `index` is what is run: the first, or behind words that only launch. */
function isProgram(words: readonly string[], index: number): boolean {
  return index === 0 || LAUNCHERS.has(baseOf(words[0] ?? ''));
}

/** Variables by which a runtime, a loader or a client runs code or trusts whom it would not. */
const LOADING =
  /^(?:LD_.*|DYLD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|MALLOC_.*|PATH|IFS|ENV|BASH_ENV|BASH_FUNC.*|SHELLOPTS|BASHOPTS|PS4|PROMPT_COMMAND|CDPATH|ZDOTDIR|NODE_OPTIONS|NODE_PATH|NODE_REPL.*|NODE_EXTRA_CA_CERTS|NODE_TLS_REJECT_UNAUTHORIZED|NPM_CONFIG_.*|YARN_.*|PNPM_.*|COREPACK_.*|BUN_.*|DENO_.*|TS_NODE_.*|PYTHON.*|PIP_.*|UV_.*|VIRTUAL_ENV|CONDA_.*|PERL5.*|PERLLIB|RUBYOPT|RUBYLIB|GEM_.*|BUNDLE_.*|PHPRC|PHP_INI_.*|LUA_.*|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|MAVEN_.*|GRADLE_.*|DOTNET_STARTUP_HOOKS|COR_.*|CORECLR_.*|GOFLAGS|GOPROXY|CARGO_.*|RUSTC_.*|RUSTFLAGS|GIT_.*|SSH_.*|SSL_CERT_.*|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|OPENSSL_.*|EDITOR|VISUAL|PAGER|BROWSER|TERMINFO.*|LESSOPEN|LESSCLOSE|HOSTALIASES|RES_OPTIONS|TMPDIR|AGENT_SANDBOX_.*)$/;

/** What is wrong with a variable of a server, or undefined. */
export function faultOfVariable(name: string, value: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) return `"${name}" is no name of a variable`;
  if (LOADING.test(name.toUpperCase()))
    return `${name} changes what the program loads or whom it trusts, past its command`;
  if (/[\u0000-\u001f\u007f]/.test(value)) return 'a value holds no control characters';
  if (/\$\{|\$[A-Za-z_(]/.test(value))
    return `variables are not replaced in the value of ${name}: nothing of the host is put in`;
  return undefined;
}

/** The package with its exact version that a command runs from a registry, or undefined. */
export function exactPackage(
  words: readonly string[],
): { name: string; version: string } | undefined {
  const runner = baseOf(words[0] ?? '');
  if (runner !== 'npx' && runner !== 'uvx') return undefined;
  let word: string | undefined;
  for (let i = 1; i < words.length && word === undefined; i++) {
    const one = words[i] ?? '';
    const named = /^(?:--package|--from)=(.+)$/.exec(one)?.[1];
    if (named !== undefined) word = named;
    else if (one === '-p' || one === '--package' || one === '--from') word = words[i + 1] ?? '';
    else if (!one.startsWith('-')) word = one;
  }
  const [, name, version] =
    (runner === 'npx'
      ? /^((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)@([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?)$/
      : /^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[A-Za-z0-9,._-]*\])?(?:==|@)([0-9][0-9A-Za-z.]*(?:[+!-][0-9A-Za-z.]+)?)$/
    ).exec(word ?? '') ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}
