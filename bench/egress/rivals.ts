// The other proxies that end TLS: mitmproxy and Squid of the distribution, set up to do what egress does: make certificates for
// the names asked for, verify the origin's, look at each request's path, and write a line for each.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { must } from '../program.ts';
import { freePort, startRival } from './child.ts';
import type { Server } from './child.ts';

export interface Rival {
  name: string;
  hasH2: boolean;
  /** PEM file: the authority that its clients must believe */
  ca: string;
  start(cores: string): Promise<Server>;
}

export interface RivalSettings {
  folder: string;
  /** PEM file of the origin's certificate */
  origin: string;
  /** certificate and key of an authority, together in one PEM file */
  authority: string;
  say: (what: string) => void;
  skip: (what: string, why: string) => void;
}

const SQUID = '/usr/sbin/squid';
const SQUID_CERTIFICATES = '/usr/lib/squid/security_file_certgen';

/** Those that are here or can be installed; of the others the bench says why not. */
export function prepareRivals(settings: RivalSettings): Rival[] {
  const makers = [
    { name: 'mitmproxy', program: '/usr/bin/mitmdump', make: mitmproxy },
    { name: 'squid-openssl', program: SQUID, make: squid },
  ];
  return makers.flatMap(({ name, program, make }) => {
    try {
      if (!existsSync(program)) install(name, settings.say);
      return [make(settings)];
    } catch (error) {
      settings.skip(name, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}

function install(name: string, say: (what: string) => void): void {
  say(`installing ${name}`);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const [program = '', ...args] = [...sudo, 'apt-get', 'install', '-y', '-qq'];
  must(program, [...args, '--no-install-recommends', name], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

function mitmproxy({ folder, origin, authority }: RivalSettings): Rival {
  const home = join(folder, 'mitmproxy');
  mkdirSync(home);
  must('cp', [authority, join(home, 'mitmproxy-ca.pem')]);
  const rules = join(home, 'rules.py');
  writeFileSync(
    rules,
    `from mitmproxy import http
import re
ALLOWED = re.compile("^/(read|bytes)/[^/]*$")
LOG = open("${home}/log", "a", buffering=1)
def request(flow):
    allowed = flow.request.method == "GET" and ALLOWED.match(flow.request.path)
    LOG.write(f"{flow.request.method} {flow.request.pretty_url} {bool(allowed)}\\n")
    if not allowed:
        flow.response = http.Response.make(403)
`,
  );
  return {
    name: 'mitmproxy',
    hasH2: true,
    ca: authority,
    async start(cores) {
      const port = await freePort();
      const options = [
        `confdir=${home}`,
        `ssl_verify_upstream_trusted_ca=${origin}`,
        'listen_host=127.0.0.1',
        `listen_port=${port}`,
        'flow_detail=0',
        'stream_large_bodies=1m',
      ].flatMap((option) => ['--set', option]);
      return startRival(['/usr/bin/mitmdump', '-q', '-s', rules, ...options], port, { cores });
    },
  };
}

function squid({ folder, origin, authority }: RivalSettings): Rival {
  const home = join(folder, 'squid');
  mkdirSync(home);
  const certificates = join(home, 'certificates');
  must(SQUID_CERTIFICATES, ['-c', '-s', certificates, '-M', '4MB']);
  // Started by root it becomes another user, who has to write here.
  if (process.getuid?.() === 0) must('chown', ['-R', 'proxy:proxy', home]);
  chmodSync(home, 0o755);
  return {
    name: 'Squid',
    hasH2: false,
    ca: authority,
    async start(cores) {
      const port = await freePort();
      const file = join(home, 'squid.conf');
      const bump = `ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB`;
      writeFileSync(
        file,
        [
          `http_port 127.0.0.1:${port} ${bump} tls-cert=${authority} tls-key=${authority}`,
          `sslcrtd_program ${SQUID_CERTIFICATES} -s ${certificates} -M 4MB`,
          'sslcrtd_children 2',
          'ssl_bump bump all',
          `tls_outgoing_options cafile=${origin}`,
          'acl asked method CONNECT',
          'acl reading urlpath_regex ^/(read|bytes)/[^/]*$',
          'acl getting method GET',
          'http_access allow asked',
          'http_access allow getting reading',
          'http_access deny all',
          'cache deny all',
          'workers 1',
          `pid_filename ${home}/pid`,
          `access_log stdio:${home}/access.log`,
          `cache_log ${home}/cache.log`,
          `coredump_dir ${home}`,
          'pinger_enable off',
          'max_filedescriptors 8192',
          'shutdown_lifetime 1 second',
          'visible_hostname bench',
        ].join('\n'),
      );
      return startRival([SQUID, '-N', '-f', file], port, { cores });
    },
  };
}

/** Whether a program can be held to a processor here. */
export function canPin(): boolean {
  return spawnSync('taskset', ['-c', '0', 'true']).status === 0;
}
