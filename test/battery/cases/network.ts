// Ways out through the network, as far as connections and names go.
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Case } from '../case.ts';
import { batteryPolicy } from '../policies.ts';
import { listMachines } from '../residue.ts';
import { runCli, startSandbox } from '../sandbox.ts';

const NO_NIC = 'no network device: nothing asks the policy';

const ATTACKS: readonly Case[] = [
  { id: 'N01', title: 'a host that is not listed', tier: 'G', expect: 'deny' },
  { id: 'N02', title: 'the same without regard to any proxy', tier: 'G', expect: 'deny' },
  { id: 'N04', title: 'an address, TLS without a name', tier: 'G', expect: 'deny' },
  { id: 'N05', title: 'an address with an allowed Host header', tier: 'G', expect: 'deny' },
  { id: 'N07', title: 'spellings of an address', tier: 'G', expect: 'deny' },
  { id: 'N08', title: 'ports that no rule names', tier: 'G', expect: 'deny' },
  {
    id: 'N11',
    title: 'a hello that names another server',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
  },
  { id: 'N14', title: 'a hello that names none', tier: 'G', expect: 'deny', control: 'namespace' },
  { id: 'N19', title: 'look-alikes of an allowed name', tier: 'G', expect: 'deny' },
  { id: 'N20', title: 'names that contain an allowed name', tier: 'G', expect: 'deny' },
  {
    id: 'N28',
    title: 'proxy variables and addresses of the client’s choice',
    tier: 'G',
    expect: 'deny',
  },
  { id: 'N29', title: 'datagrams', tier: 'G', expect: 'structural' },
  { id: 'N31', title: 'data in echo requests', tier: 'G', expect: 'structural' },
  { id: 'N32', title: 'raw, packet and rare sockets', tier: 'G', expect: 'structural' },
  {
    id: 'N34',
    title: 'DNS over TCP and TLS to a server of its own',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
  },
  {
    id: 'N35',
    title: 'an allowed and another question in one segment',
    tier: 'G',
    expect: 'structural',
  },
  { id: 'N37', title: 'DNS over HTTPS', tier: 'G', expect: 'deny' },
  {
    id: 'N38',
    title: 'data in questions to the system’s resolver',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
  },
  { id: 'N40', title: 'a denied name is never asked for outside', tier: 'G', expect: 'deny' },
  {
    id: 'N41',
    title: 'an address of the guest’s choice for an allowed name',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
  },
  {
    id: 'N43',
    title: 'an allowed name that leads to a private address',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
  },
  { id: 'N44', title: 'cloud metadata', tier: 'G', expect: 'deny', control: 'namespace' },
  {
    id: 'N46',
    title: 'services of the host and of private networks',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
  },
  { id: 'N47', title: 'neighbours', tier: 'G', expect: 'structural' },
  { id: 'N50', title: 'the enforcer’s own addresses', tier: 'G', expect: 'structural' },
  { id: 'N52', title: 'routes, rules and devices changed as root', tier: 'G', expect: 'deny' },
  { id: 'N53', title: 'frames with foreign addresses', tier: 'G', expect: 'structural' },
  {
    id: 'N55',
    title: 'the first instruction races the rules',
    tier: 'G',
    expect: 'deny',
    alone: true,
  },
  { id: 'N62', title: 'a proxy of the agent’s own', tier: 'G', expect: 'deny' },
  {
    id: 'N56',
    title: 'the enforcer is killed: no way out is left, nor a guest',
    tier: 'G',
    expect: 'fail-closed',
    own: async (rig) => {
      const loop =
        'while :; do curl -sk --max-time 3 https://allowed.test/alive https://blocked.test/ >/dev/null 2>&1; done';
      const before = listMachines();
      const sandbox = await startSandbox(rig, {
        name: 'killed',
        policy: batteryPolicy(rig, 'agent'),
        command: ['sh', '-c', loop],
      });
      const own = [...listMachines()].filter((pid) => !before.has(pid));
      await until(20_000, () => rig.ground.take().some((hit) => hit.detail === 'alive'));
      sandbox.host.kill('SIGKILL');
      await sandbox.exited;
      await sleep(5000);
      rig.ground.take();
      const after = listMachines();
      await sleep(2000);
      const hits = rig.ground.take();
      const left = own.filter((pid) => after.has(pid));
      // What a killed process leaves in its temporary directory, the next command sweeps.
      await runCli(rig, ['ps', '--log-dir', join(rig.logs, 'killed')]);
      const isGone = own.length === 1 && hits.length === 0 && left.length === 0;
      return {
        verdict: isGone ? 'CONTAINED' : 'ESCAPED',
        detail: `${hits.length} hits after the kill, ${left.length} of ${own.length} machines left`,
      };
    },
  },
  {
    id: 'N61',
    title: 'a listener in the guest cannot be reached',
    tier: 'G',
    expect: 'structural',
    own: async (_rig, executor) => {
      const server =
        'node -e \'require("net").createServer((s) => s.end("IN")).listen(7777, "0.0.0.0")\' & sleep 6; kill $!';
      const running = executor.run(['sh', '-c', server], 'root');
      await sleep(3500);
      const said = await Promise.all(
        ['127.0.0.1', '198.18.0.1', '10.0.2.15', '192.0.2.2', '::1'].map(dial),
      );
      await running;
      const reached = said.filter((text) => text.includes('IN'));
      return {
        verdict: reached.length > 0 ? 'ESCAPED' : 'CONTAINED',
        detail: `${reached.length} of ${said.length} addresses answered`,
      };
    },
  },
  { id: 'N10', title: 'another protocol to a judged host', tier: 'G', expect: 'deny' },
  {
    id: 'N13',
    title: 'streams for other authorities',
    tier: 'G',
    expect: 'deny',
    control: { none: 'the origins speak HTTP/1.1 only' },
  },
  {
    id: 'N16',
    title: 'SOCKS to the proxy, for a name with a zero byte in it',
    tier: 'G',
    expect: 'structural',
    control: { none: 'the proxy speaks no SOCKS, whatever a policy says' },
  },
  { id: 'N17', title: 'targets of CONNECT that are none', tier: 'G', expect: 'deny' },
  { id: 'N22', title: 'requests that name two hosts', tier: 'G', expect: 'deny' },
  { id: 'N23', title: 'a request hidden behind another', tier: 'G', expect: 'deny' },
  { id: 'N25', title: 'methods that no rule names', tier: 'G', expect: 'deny' },
  { id: 'N26', title: 'paths outside a rule', tier: 'G', expect: 'deny' },
  {
    id: 'N49',
    title: 'a judged connection, or the proxy, as a way to another host',
    tier: 'G',
    expect: 'deny',
  },
  {
    id: 'N58',
    title: 'secrets in what an allowed request says',
    tier: 'D',
    expect: 'deny',
    notApplicable: 'what requests say is not searched; real values are never in the guest',
  },
  {
    id: 'N59',
    title: 'somebody else’s part of a host that many share',
    tier: 'G',
    expect: 'deny',
  },
];

export const NETWORK: readonly Case[] = ATTACKS.map((test) =>
  test.expect === 'structural' ? { ...test, unlogged: NO_NIC } : test,
);

/** Waits until `test` holds; throws when it does not within `limit` ms. */
async function until(limit: number, test: () => boolean): Promise<void> {
  for (let waited = 0; !test(); waited += 100) {
    if (waited > limit) throw new Error('the guest never reached an allowed host');
    await sleep(100);
  }
}

function dial(host: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: 7777, timeout: 1500 });
    let said = '';
    socket.on('data', (data) => (said += data.toString('latin1')));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(said));
  });
}
