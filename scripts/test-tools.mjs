// Installs the programs that tests run beside the product, from the distribution's packages. Does nothing where all are there.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** program, or absolute path of a file → package */
const NEEDED = {
  '/usr/lib/python3/dist-packages/pip': 'python3-pip',
  '/usr/lib/python3/dist-packages/requests': 'python3-requests',
  chromium: 'chromium',
  curl: 'curl',
  'dpkg-deb': 'dpkg',
  gcc: 'gcc',
  gh: 'gh',
  git: 'git',
  go: 'golang-go',
  ip: 'iproute2',
  javac: 'default-jdk-headless',
  make: 'make',
  openssl: 'openssl',
  python3: 'python3',
  script: 'bsdutils',
  skopeo: 'skopeo',
  tar: 'tar',
  unshare: 'util-linux',
};

const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
const missing = Object.entries(NEEDED)
  .filter(([what]) => !isThere(what))
  .map(([, name]) => name);

if (missing.length > 0) {
  console.log(`installing for the tests: ${missing.join(' ')}`);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo'];
  run([...sudo, 'apt-get', 'update', '-qq']);
  run([...sudo, 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing]);
}

function isThere(what) {
  if (what.startsWith('/')) return existsSync(what);
  return places.some((place) => isExecutable(join(place, what)));
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // not in this directory
  }
}

function run([program, ...args]) {
  const { status } = spawnSync(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status !== 0) {
    console.error(`'${[program, ...args].join(' ')}' failed; install ${missing.join(' ')} by hand`);
    process.exit(1);
  }
}
