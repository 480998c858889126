// `trust`: accept the policy that a workspace brings along, as it is now.

import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';

import { DEFAULT_POLICY } from '../source/builtin.ts';
import { addTrusted } from '../source/trusted.ts';
import { showControls } from '../policy/diagnostic.ts';
import { trustedFile } from './directories.ts';
import { EXIT } from './exit-code.ts';
import { json, out } from './output.ts';
import { loadLayers, reportFaults } from './policy-options.ts';

export function trustCommand(): Command {
  return new Command('trust')
    .description(
      "accept a repository's policy on this machine, by digest, so that it may ask for credentials and define tool servers",
    )
    .argument('[file]', `the policy (default: ${DEFAULT_POLICY})`)
    .option('--json', 'print what was accepted as JSON', false)
    .action((file: string | undefined, { json: isJson }: { json: boolean }) => {
      const path = resolve(file ?? join(process.cwd(), DEFAULT_POLICY));
      const loaded = loadLayers({ json: isJson }, path);
      reportFaults(loaded);
      const layer = loaded.policy?.layers.find(({ name }) => name === 'repo');
      if (loaded.policy === undefined || layer === undefined) {
        process.exitCode = EXIT.failed;
        return;
      }
      const accepted = { path: realpathSync(path), digest: layer.digest };
      addTrusted(trustedFile(process.env), accepted);
      const credentials = loaded.policy.credentials.map(
        ({ id, provider }) => `${id} (${provider})`,
      );
      const servers = loaded.policy.mcp.servers.map(({ id, at }) =>
        at.kind === 'remote' ? `${id} (${at.url})` : `${id} (${at.command.join(' ')})`,
      );
      if (isJson)
        json({
          ...accepted,
          credentials: loaded.policy.credentials.map(({ id }) => id),
          servers: loaded.policy.mcp.servers.map(({ id }) => id),
        });
      else {
        out(`accepted ${showControls(accepted.path)} as ${accepted.digest}`);
        out(
          credentials.length === 0
            ? 'it asks for no credential'
            : `it may have minted: ${credentials.map(showControls).join(', ')}; see \`agent-sandbox credential list\``,
        );
        if (servers.length > 0) out(`its tool servers: ${servers.map(showControls).join(', ')}`);
      }
    });
}
