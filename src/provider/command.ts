// `command`: a secret that a program of the host prints (1Password, a keychain, `gh auth token`). It runs at each mint, so a
// `ttl` has it asked again.

import { askedTexts } from './asked.ts';
import type { MintContext, Minted, Provider } from './provider.ts';
import { readCommand } from './source.ts';
import { stored } from './stored.ts';

export const command: Provider = { name: 'command', mint };

async function mint(context: MintContext): Promise<Minted> {
  return stored(await readCommand(askedTexts(context.request, 'command'), context), context);
}
