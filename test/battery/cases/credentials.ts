// Secrets: what the guest holds in their place, and what that is good for. `cred.test` is where the value may go, on the
// paths that the policy binds.
import type { Case } from '../case.ts';

/** The host's own variables and files are all there is to steal: the throwaway root has them. */
const control = 'namespace';

export const CREDENTIALS: readonly Case[] = [
  {
    id: 'C01',
    title: 'real values in variables and processes',
    tier: 'G',
    expect: 'mask',
    control,
  },
  {
    id: 'C02',
    title: 'tokens of the runner in variables',
    tier: 'G',
    expect: 'structural',
    control,
  },
  { id: 'C04', title: 'the placeholder works at its host', tier: 'G', expect: 'allow' },
  { id: 'C05', title: 'the placeholder sent elsewhere', tier: 'G', expect: 'deny', control },
  {
    id: 'C07',
    title: 'the placeholder over plain HTTP, behind a redirect, with another Host',
    tier: 'G',
    expect: 'deny',
    control,
  },
  {
    id: 'C08',
    title: 'a bound host that says the value again',
    tier: 'G',
    expect: 'mask',
    control,
  },
  {
    id: 'C10',
    title: 'what a minted token could do elsewhere',
    tier: 'G',
    expect: 'deny',
    notApplicable:
      'needs a GitHub, which the rig is not: test/vm/credentials-git.test.ts and test/policy/credential-guards.test.ts ask for the same',
  },
  {
    id: 'C11',
    title: 'a token after the run',
    tier: 'G',
    expect: 'deny',
    notApplicable:
      'a secret of the host ends with nobody: test/vm/credentials-git.test.ts and test/enforce/credential/broker.test.ts see tokens end',
  },
  {
    id: 'C13',
    title: 'paths, models and hosts of an LLM proxy',
    tier: 'G',
    expect: 'deny',
    notApplicable:
      'there is no such proxy: a model is a host like any other, judged by method and path',
  },
  {
    id: 'C14',
    title: 'sockets and helpers that hand out secrets',
    tier: 'G',
    expect: 'structural',
    control: { none: 'the rig has no agent, keyring or helper that could answer' },
  },
  {
    id: 'C16',
    title: 'secrets on disks, the kernel command line, metadata',
    tier: 'G',
    expect: 'mask',
    control,
  },
  {
    id: 'C17',
    title: 'a secret printed in disguise',
    tier: 'G',
    expect: 'mask',
    notApplicable: 'the guest has no secret to print',
  },
  {
    id: 'C19',
    title: 'cloud credentials',
    tier: 'G',
    expect: 'deny',
    notApplicable:
      'needs a cloud, which the rig is not: test/vm/credentials-sdk.test.ts asks for the same',
  },
  {
    id: 'C20',
    title: "the key of the session's certificate authority",
    tier: 'G',
    expect: 'structural',
    control: { none: 'no authority is made where nothing is judged' },
  },
];
