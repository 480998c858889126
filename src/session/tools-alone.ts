// The gateway without an agent's machine: for an agent that runs elsewhere on this host, and to see what servers have.

import type { Credentials } from '../enforce/credential/credentials.ts';
import { createBudget } from '../enforce/egress/budget.ts';
import { createPoint } from '../enforce/point.ts';
import { createQuotas } from '../enforce/quotas.ts';
import type { Decision } from '../model/decision.ts';
import { createDecider, type Decider } from '../policy/decide.ts';
import { createSessionDirectory, createSessionId } from './directory.ts';
import { hostProxies } from './host-proxies.ts';
import { sessionFiles } from './live-session.ts';
import { openSessionLog, endFailed } from './opening.ts';
import type { SessionPlan } from './plan.ts';
import { startSession } from './start.ts';
import { assertRequired } from './tool-required.ts';
import { openTools, type OpenToolsOptions, type Tools } from './tools.ts';
import { hostAuthorities } from './trust.ts';

export interface AloneOptions extends Pick<OpenToolsOptions, 'names' | 'pins'> {
  plan: SessionPlan;
  /** everything may be listed, whatever the policy allows: nothing but the list is asked for */
  survey: boolean;
  /** the gateway must stop: it denies everything from now on, or too much was denied */
  onStop: (why: string) => void;
}

export interface ToolsAlone {
  tools: Tools;
  /** of the log */
  logFile: string;
  close(): Promise<void>;
}

const SURVEY: Decision = {
  effect: 'allow',
  rule: { id: 'builtin/mcp-pin', file: 'builtin', line: 0, layer: 'builtin' },
  reason: 'servers are asked for what they have, and for nothing else',
  matched: [],
  isPrivate: false,
  isInspected: false,
};

export async function openToolsAlone(options: AloneOptions): Promise<ToolsAlone> {
  const { plan, survey, names, pins, onStop } = options;
  const { policy } = plan;
  assertRequired(policy);
  const id = createSessionId(new Date());
  const directory = createSessionDirectory(plan.logDirectory, id);
  const log = openSessionLog(plan, id, directory);
  let credentials: Credentials | undefined;
  try {
    const own = createDecider(policy);
    const decide: Decider = survey
      ? (request) => (request.kind === 'mint' ? own(request) : SURVEY)
      : own;
    const point = createPoint({
      decide,
      log,
      mode: policy.mode,
      agent: { command: plan.command[0] ?? '' },
      limits: policy.limits,
      onFailure: (error) => onStop(error.message),
      onDenialLimit: (denials) => onStop(`${denials} requests were denied`),
    });
    const proxies = hostProxies(plan);
    const ca = hostAuthorities(plan.hostEnvironment, plan.onProgress);
    if (policy.credentials.length > 0) {
      const { openCredentials } = await import('./credentials.ts');
      credentials = openCredentials({ plan, id, point, proxies, ca });
    }
    const tools = await openTools({
      plan,
      directory,
      point,
      decide,
      credentials,
      proxies,
      ca,
      names,
      ...(pins && { pins }),
      own: { id, budget: createBudget(policy.limits.egress), quotas: createQuotas() },
      vouch: survey,
      start: (one) => startSession(one),
    });
    return {
      tools,
      logFile: sessionFiles(directory).log,
      async close() {
        await tools.close();
        await credentials?.close();
        point.flush();
        log.end({ type: 'session.end', reason: 'finished', denials: point.counters().denied });
      },
    };
  } catch (error) {
    await credentials?.close().catch(() => undefined);
    endFailed(log, error);
    throw error;
  }
}
