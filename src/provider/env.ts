// `env`: a secret in a variable of the host. Nobody narrows it, ends it or says how long it lasts.

import { askedText } from './asked.ts';
import type { MintContext, Minted, Provider } from './provider.ts';
import { readVariable } from './source.ts';
import { stored } from './stored.ts';

export const env: Provider = { name: 'env', mint };

// eslint-disable-next-line @typescript-eslint/require-await -- every provider answers later, this one at once
async function mint(context: MintContext): Promise<Minted> {
  const name = askedText(context.request, 'name');
  return stored(readVariable(name, context), context);
}
