// Puts the configuration of clients that have no file of the system's into the HOME of the guest, before the agent starts.

import { type ClientConfigs, clientFilesWithin, writingScript } from './client-configs.ts';
import type { SessionPlan } from './plan.ts';
import type { Session } from './session.ts';
import { sharesOf } from './shares.ts';

/** Says what could not be written; the gateway is there all the same. */
export async function tellClients(
  session: Session,
  { home }: Pick<ClientConfigs, 'home'>,
  { policy, onProgress }: Pick<SessionPlan, 'policy' | 'onProgress'>,
): Promise<void> {
  const files = clientFilesWithin(home, policy.home, sharesOf(policy));
  for (const { path } of home.filter((one) => !files.includes(one)))
    onProgress(`~/${path} is the host's own file here, and is left as it is`);
  if (files.length === 0) return;
  const script = writingScript(files);
  const started = await session.start({ argv: ['/bin/sh'], cwd: '/', environment: [] });
  if (started.kind === 'denied') {
    onProgress('clients are not told of the tool gateway: the policy does not let /bin/sh run');
    return;
  }
  const { process } = started;
  process.stdout.resume();
  process.stderr.resume();
  process.stdin.end(script);
  const exit = await process.exited;
  if (!('code' in exit) || exit.code !== 0)
    onProgress('clients are not told of the tool gateway: its settings could not be written');
}
