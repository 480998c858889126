// The fault a promise ends in.
import { SandboxError } from '../../../src/model/error.ts';

/** Throws where it ends well, with something else, or with the canary in any part of it. */
export async function faultOf(promise: Promise<unknown>, canary: string): Promise<SandboxError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SandboxError)) throw new Error(`no fault: ${String(error)}`);
  for (let part: unknown = error; part instanceof Error; part = part.cause)
    if (`${part.message} ${part.stack} ${JSON.stringify(part)}`.includes(canary))
      throw new Error('the canary is in the fault');
  return error;
}
