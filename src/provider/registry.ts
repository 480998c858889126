// Which provider stands for which name.

import type { ProviderName } from '../model/credential.ts';
import { anthropic } from './anthropic.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { command } from './command.ts';
import { env } from './env.ts';
import { file } from './file.ts';
import { gcp } from './gcp.ts';
import { githubApp } from './github-app.ts';
import { githubToken } from './github-token.ts';
import { npm } from './npm.ts';
import { oauthExchange } from './oauth-exchange.ts';
import { octoSts } from './octo-sts.ts';
import { openai } from './openai.ts';
import type { Provider } from './provider.ts';
import { vault } from './vault.ts';

export const PROVIDERS = {
  'github-app': githubApp,
  'github-token': githubToken,
  'octo-sts': octoSts,
  aws,
  gcp,
  azure,
  vault,
  npm,
  'oauth-exchange': oauthExchange,
  anthropic,
  openai,
  env,
  file,
  command,
} as const satisfies Record<ProviderName, Provider>;
