// From the guest to a server and back, judged and passed through unread: what a user of the sandbox waits for.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Settings } from '../main.ts';
import { median } from '../table.ts';
import type { Row } from '../table.ts';

/** In a network of its own, which has no way out. */
const ADDRESS = '93.184.216.34';
/** names of the one origin */
export const GUEST_NAMES = { judged: 'judged.example.com', passed: 'passed.example.com' } as const;
const REQUESTS = 200;
const BYTES = 32 * 1024 * 1024;
const MEGA = 1e6;

const POLICY = `version: 1
network:
  allow:
    - {host: ${GUEST_NAMES.judged}, methods: [GET], paths: ["/read/*", "/bytes/*"]}
    - {host: ${GUEST_NAMES.passed}}
`;

type Kind = keyof typeof GUEST_NAMES;

export function measureFromGuest(
  settings: Settings,
  { folder, cert, key }: { folder: string; cert: string; key: string },
): Row[] {
  if (process.getuid?.() !== 0) {
    settings.skip('requests from the guest', 'a network namespace of its own takes root');
    return [];
  }
  const seconds: Record<Kind, number[]> = { judged: [], passed: [] };
  const speeds: Record<Kind, number[]> = { judged: [], passed: [] };
  for (let round = 1; round <= settings.rounds; round++) {
    settings.say(`requests from the guest, round ${round} of ${settings.rounds}`);
    const output = runGuest(settings, folder, cert, key);
    for (const kind of ['judged', 'passed'] as const) {
      const values = (what: string): number[] =>
        [...output.matchAll(new RegExp(`^${kind} ${what} ([\\d.]+)$`, 'gm'))].map(([, text]) =>
          Number(text),
        );
      // The first request carries the connection and its handshake.
      const [, ...kept] = values('time');
      const [speed] = values('speed');
      if (kept.length !== REQUESTS - 1 || speed === undefined)
        throw new Error(`the guest did not do its work: ${output.slice(-500)}`);
      seconds[kind].push(median(kept));
      speeds[kind].push(speed);
    }
  }
  const through = (
    values: Record<Kind, number[]>,
    scale: number,
  ): [ours: number, rivals: Row['rivals']] => [
    median(values.judged) * scale,
    [{ name: 'passed through unread', value: median(values.passed) * scale }],
  ];
  const [time, times] = through(seconds, 1000);
  const [speed, others] = through(speeds, 1 / MEGA);
  return [
    {
      ...{ group: 'egress', name: 'a judged request from the guest, curl, kept connection' },
      ...{ unit: 'ms', ours: time, rivals: times },
    },
    {
      ...{ group: 'egress', name: `${BYTES / 1024 / 1024} MiB into the guest, judged` },
      ...{ unit: 'MB/s', ours: speed, rivals: others },
    },
  ];
}

function runGuest(settings: Settings, folder: string, cert: string, key: string): string {
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace, { recursive: true });
  const hosts = Object.values(GUEST_NAMES).map((name) => `${ADDRESS} ${name}\n`);
  writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost\n${hosts.join('')}`);
  writeFileSync(join(folder, 'guest.yml'), POLICY);
  const guest = Object.entries(GUEST_NAMES).map(([kind, host]) => {
    const curl = 'curl -sS --http1.1 -o /dev/null -w';
    return `${curl} '${kind} time %{time_total}\\n' "https://${host}/read/[1-${REQUESTS}]"; ${curl} '${kind} speed %{speed_download}\\n' https://${host}/bytes/${BYTES}`;
  });
  const outside = [
    'ip link set lo up',
    `ip addr add ${ADDRESS}/32 dev lo`,
    'mount --bind "$FOLDER/hosts" /etc/hosts',
    'rm -f "$FOLDER/pipe" "$FOLDER/port"; mkfifo "$FOLDER/pipe"; exec 9<> "$FOLDER/pipe"',
    `"$NODE" "$DIST/bench-egress-origin.js" "$CERT" "$KEY" ${ADDRESS} 443 > "$FOLDER/port" < "$FOLDER/pipe" & origin=$!`,
    'until [ -s "$FOLDER/port" ]; do kill -0 $origin || exit 99; sleep 0.1; done',
    'cd "$FOLDER/workspace"',
    '"$NODE" "$DIST/../bin/agent-sandbox.js" run --quiet --policy "$FOLDER/guest.yml" --log-dir "$LOGS" -- sh -c "$GUEST"; code=$?',
    'kill $origin; exit $code',
  ].join('\n');
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--net', '--mount', 'sh', '-c', outside],
    {
      encoding: 'utf8',
      timeout: 900_000,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '/root',
        NODE: process.execPath,
        NODE_EXTRA_CA_CERTS: cert,
        DIST: join(import.meta.dirname, '../dist'),
        LOGS: settings.logs,
        FOLDER: folder,
        CERT: cert,
        KEY: key,
        GUEST: guest.join('\n'),
      },
    },
  );
  if (status !== 0) throw new Error(`a guest's requests failed: ${stderr.slice(-500)}`);
  return stdout;
}
