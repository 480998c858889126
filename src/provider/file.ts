// `file`: a secret in a file of the host. Nobody narrows it, ends it or says how long it lasts.

import { askedText } from './asked.ts';
import type { MintContext, Minted, Provider } from './provider.ts';
import { readHostFile } from './source.ts';
import { stored } from './stored.ts';

export const file: Provider = { name: 'file', mint };

// eslint-disable-next-line @typescript-eslint/require-await -- every provider answers later, this one at once
async function mint(context: MintContext): Promise<Minted> {
  const path = askedText(context.request, 'path');
  return stored(readHostFile(path, context), context);
}
