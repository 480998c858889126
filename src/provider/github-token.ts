// `github-token`: the job's own GITHUB_TOKEN, which stays on the host. It may do whatever the workflow's `permissions:` say,
// nothing can narrow it, and it is not revoked: the job's later steps need it. What holds it is the entry's `bind`.
// https://docs.github.com/en/actions/concepts/security/github_token

import { optionalText } from './asked.ts';
import { notAfter } from './expiry.ts';
import { tokenHash } from './github-api.ts';
import type { MintContext, Minted, Provider } from './provider.ts';
import { readVariable } from './source.ts';
import { hostSecret } from './usable.ts';

export const githubToken: Provider = { name: 'github-token', mint };

// eslint-disable-next-line @typescript-eslint/require-await -- every provider answers later, this one at once
async function mint(context: MintContext): Promise<Minted> {
  const name = optionalText(context.request, 'env') ?? 'GITHUB_TOKEN';
  const { value, place } = readVariable(name, context);
  const token = hostSecret(value, place);
  return {
    material: { kind: 'token', token },
    kind: "the job's own token",
    ...notAfter(context, context.now()),
    requested: { env: name },
    granted: { unbounded: true },
    correlation: { tokenSha256: tokenHash(token) },
  };
}
