// What is done with secrets in what goes to tool servers and comes back. Of several layers the stricter wins; where none says
// anything, the default; and less than that takes leave of the ceilings above.
import { SECRET_ACTIONS, type SecretAction } from '../model/mcp.ts';
import type { Clamp, Layer, SecretActions } from '../model/policy.ts';
import { NO_SERVERS } from './sections.ts';

const rank = (action: SecretAction): number => SECRET_ACTIONS.indexOf(action);

export function resolveSecrets(layers: readonly Layer[], clamps: Clamp[]): SecretActions {
  const of = (key: keyof SecretActions): SecretAction => resolve(layers, key, clamps);
  return { arguments: of('arguments'), results: of('results') };
}

function resolve(
  layers: readonly Layer[],
  key: keyof SecretActions,
  clamps: Clamp[],
): SecretAction {
  const unsaid = NO_SERVERS.secrets[key];
  /** the mildest that the layers above leave */
  let most: { action: SecretAction; by: Layer } | undefined;
  let strictest: SecretAction | undefined;
  for (const layer of layers) {
    const own = layer.mcp.secrets[key];
    if (own !== undefined && most !== undefined && rank(own) > rank(most.action))
      clamps.push({
        rule: {
          place: `mcp.secrets.${key}`,
          file: layer.file,
          line: 0,
          column: 0,
          layer: layer.name,
        },
        by: `${most.by.name}/max`,
        message: `\`mcp.secrets.${key}: ${own}\` exceeds what the ${most.by.name} layer allows: it stays \`${most.action}\``,
      });
    else if (own !== undefined && (strictest === undefined || rank(own) < rank(strictest)))
      strictest = own;
    if (layer.name === 'builtin' || (layer.max === undefined && layer.name !== 'org')) continue;
    const delegated = [own, layer.max?.mcp.secrets[key]].flatMap((one) => one ?? []);
    const action = delegated.reduce(
      (mildest, one) => (rank(one) > rank(mildest) ? one : mildest),
      delegated[0] ?? unsaid,
    );
    if (most === undefined || rank(action) < rank(most.action)) most = { action, by: layer };
  }
  return strictest ?? unsaid;
}
