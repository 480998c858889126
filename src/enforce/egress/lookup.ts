// Names to addresses by the host's own resolver. Invariant: an answer is all addresses or a failure, never a part of them.

import { lookup as systemLookup } from 'node:dns/promises';

import { SandboxError, errnoOf, messageOf } from '../../model/error.ts';

/** All addresses of a name, as text; rejects when there are none or nobody answers. */
export type Lookup = (name: string) => Promise<string[]>;

export const lookupOnHost: Lookup = async (name) => {
  const answers = await systemLookup(name, { all: true, order: 'verbatim' });
  return answers.map((answer) => answer.address);
};

/** `lookup` with a time limit; equal questions that are asked at the same time are asked once. */
export function createBoundedLookup(lookup: Lookup, timeout: number): Lookup {
  const pending = new Map<string, Promise<string[]>>();
  return (name) => {
    const running = pending.get(name);
    if (running !== undefined) return running;
    const asked = withTimeout(lookup, name, timeout).finally(() => pending.delete(name));
    pending.set(name, asked);
    return asked;
  };
}

async function withTimeout(lookup: Lookup, name: string, timeout: number): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(failure(name, 'no answer in time')), timeout);
  });
  try {
    const addresses = await Promise.race([lookup(name), expired]);
    if (addresses.length === 0) throw failure(name, 'no address');
    return addresses;
  } catch (error) {
    throw error instanceof SandboxError
      ? error
      : failure(name, errnoOf(error) ?? messageOf(error), error);
  } finally {
    clearTimeout(timer);
  }
}

function failure(name: string, what: string, cause?: unknown): SandboxError {
  return new SandboxError({
    kind: 'upstream',
    code: 'EGRESS_LOOKUP',
    message: `${name} could not be resolved on the host: ${what}`,
    cause,
  });
}
