import { describe, expect, it } from 'vitest';
import { isGitSettings, withoutTokens } from '../../../src/enforce/filesystem/git-config.ts';

describe('git settings shown to the guest', () => {
  it('lose the header that a checkout action leaves behind', () => {
    const settings = `[core]
\trepositoryformatversion = 0
[remote "origin"]
\turl = https://github.test/acme/app
[http "https://github.test/"]
\textraheader = AUTHORIZATION: basic eC1hY2Nlc3M=
[gc]
\tauto = 0
`;
    expect(withoutTokens(settings)).toBe(settings.replace(/\textraheader.*\n/, ''));
  });

  it.each([
    ['url = https://x-access-token:abc@github.test/a', 'url = https://github.test/a'],
    ['url = https://abc@github.test/a', 'url = https://github.test/a'],
    ['[url "https://u:p@github.test/"]', '[url "https://github.test/"]'],
    ['proxy = http://user:pass@proxy.test:3128', 'proxy = http://proxy.test:3128'],
    ['[http] extraHeader = Authorization: bearer abc', '[http]'],
    ['[github] token = abc', '[github]'],
  ])('show %j as %j', (line, shown) => {
    expect(withoutTokens(`[a]\n${line}\n`)).toBe(`[a]\n${shown}\n`);
  });

  it.each([
    '\tsmtpPass = abc',
    '\toauthToken = abc',
    '\thelper = "!f() { echo password=abc; }; f"',
    '\tpassword = abc\\\n  continued',
    '\tTOKEN=abc',
  ])('drop %j with what continues it', (line) => {
    expect(withoutTokens(`[a]\n${line}\n\tname = x\n`)).toBe('[a]\n\tname = x\n');
  });

  it('stay as they are when they hold nothing secret', () => {
    const settings =
      '[remote "o"]\n\turl = git@github.test:acme/app.git\n\tfetch = +refs/*:refs/*\n[user]\n\temail = a@b.test\n';
    expect(withoutTokens(settings)).toBeUndefined();
  });

  it('are known by their place', () => {
    for (const path of [
      '/w/.git/config',
      '/w/.git/modules/a/config',
      '/w/.git/worktrees/x/config.worktree',
      '/w/.GIT/config',
    ])
      expect(isGitSettings(path)).toBe(true);
    for (const path of ['/w/config', '/w/.git/HEAD', '/w/.github/config'])
      expect(isGitSettings(path)).toBe(false);
  });
});
