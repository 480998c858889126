// Which templates of a server's resources an agent is told of: those that stand for something that it may read.
import { matchesName } from '../match/path.ts';
import { mayShareName } from '../match/tool.ts';
import type { EffectivePolicy } from '../model/policy.ts';

/** Steps that one comparison may take; what would take more is shown, and each URI of it judged when it is read. */
const MOST_STEPS = 50_000;
/** Answers that are remembered: lists are asked for again and again. */
const MOST_KNOWN = 4096;

/**
 * Whether some allow for resources of this server matches some URI that the template may stand for, whatever its expressions come to
 * (RFC 6570). Denies and ceilings are not asked: they speak of URIs, each of which is judged by itself.
 */
export function createTemplateJudge(
  policy: EffectivePolicy,
): (server: string, template: string) => boolean {
  const rules = policy.layers.flatMap(({ mcp }) => mcp.allow);
  const known = new Map<string, boolean>();
  const judge = (server: string, template: string): boolean => {
    const pattern = template.replace(/\{[^{}]*\}/g, '*');
    return rules.some(
      ({ servers, resources = [] }) =>
        servers.some((one) => matchesName(one, server)) &&
        resources.some((one) => mayMeet(one, pattern)),
    );
  };
  return (server, template) => {
    const key = `${server} ${template}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const isOpen = judge(server, template);
    const [oldest] = known.keys();
    if (known.size >= MOST_KNOWN && oldest !== undefined) known.delete(oldest);
    known.set(key, isOpen);
    return isOpen;
  };
}

/** Whether a text matches both: their fixed beginnings and ends are looked at first. */
function mayMeet(a: string, b: string): boolean {
  const [x = '', y = ''] = [a, b].map((one) => one.split('*', 1)[0]);
  const [v = '', w = ''] = [a, b].map((one) => one.slice(one.lastIndexOf('*') + 1));
  if (!x.startsWith(y) && !y.startsWith(x)) return false;
  if (!v.endsWith(w) && !w.endsWith(v)) return false;
  return a.length * b.length > MOST_STEPS || mayShareName(a, b);
}
