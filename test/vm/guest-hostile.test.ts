import { afterEach, expect, it } from 'vitest';
import { AGENT, type GuestMachine, startGuestMachine } from '../support/guest-machine.ts';

const MEMORY = 512 * 1024 * 1024;
const guests: GuestMachine[] = [];

async function begin(...options: Parameters<typeof startGuestMachine>): Promise<GuestMachine> {
  const guest = await startGuestMachine({ memory: MEMORY, ...options[0] });
  guests.push(guest);
  return guest;
}
afterEach(async () => {
  for (const guest of guests.splice(0)) await guest.end();
});

it('two sessions from one snapshot share no randomness, and both know the time', async () => {
  const look =
    'head -c 16 /dev/urandom | od -An -tx1; cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id; cat /proc/self/maps | head -1; date +%s';
  const answers: string[][] = [];
  for (const _ of [1, 2]) {
    const guest = await begin();
    const lines = (await guest.run(look)).stdout.trim().split('\n');
    const seconds = Number(lines.pop());
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(15);
    answers.push(lines);
  }
  expect(answers[0]).toHaveLength(4);
  for (const [index, line] of (answers[0] ?? []).entries())
    expect(line).not.toBe(answers[1]?.[index]);
});

it('guest root that takes over the port to the host ends its own session and nothing else', async () => {
  const guest = await begin();
  const other = await begin();
  const port = (
    await guest.run(
      'for p in /sys/class/virtio-ports/*; do test $(cat $p/name) = mux && basename $p; done',
      { user: 'root' },
    )
  ).stdout.trim();
  const device = await guest.run(
    `mknod /dev/mine c $(tr : " " < /sys/class/virtio-ports/${port}/dev) && cat /dev/mine`,
    { user: 'root' },
  );
  expect(device.stderr).toMatch(/busy/i); // init holds it
  const fault = guest.link.exec({
    argv: guest.probe('steal', 1, `/dev/${port}`, '\u00ff'),
    env: [['PATH', '/usr/bin:/bin']],
    cwd: '/',
    user: 'root',
  });
  await expect(fault.then((child) => child.exited)).rejects.toMatchObject({ code: 'GUEST_FAULT' });
  expect(guest.faults).toHaveLength(1);
  expect(guest.faults[0]).toContain('mux protocol');
  expect((await other.run('echo alive')).stdout).toBe('alive\n');
});

it('a guest that loses its init is over', async () => {
  const guest = await begin();
  await guest
    .run('kill -9 1; kill -SEGV 1; echo c > /proc/sysrq-trigger', { user: 'root' })
    .catch(() => undefined);
  const exit = await guest.machine.exited;
  expect(exit.reason).toBe('guest');
});

it('a guest that is told to stop says so and is gone, whatever still runs in it', async () => {
  const guest = await begin();
  await guest.link.exec({
    argv: ['sleep', '600'],
    env: [['PATH', '/usr/bin:/bin']],
    cwd: '/',
    user: 'root',
  });
  await guest.link.shutdown();
  expect((await guest.machine.exited).reason).toBe('guest');
  expect(guest.faults).toEqual([]);
});

it.each([
  ['an agent that is root', { user: { name: 'a', uid: 0, gid: 1, home: '/h' } }, 'may not be root'],
  [
    'a user name of two lines',
    { user: { name: 'a\nb', uid: 1, gid: 1, home: '/h' } },
    'bad host or user name',
  ],
  ['a share the host does not have', { shares: ['/no/such/share'] }, 'share /no/such/share'],
  ['a limit of no processes', { processes: 0 }, 'process limit'],
])('init refuses %s and says why', async (_name, config, why) => {
  await expect(begin({ config })).rejects.toMatchObject({
    message: expect.stringContaining(why) as string,
  });
});

it('runs nothing as root when the session does not allow it', async () => {
  const guest = await begin({ config: { rootAllowed: false } });
  expect((await guest.run('id', { user: 'root' })).exit).toMatchObject({
    code: 126,
    errno: 1,
    stage: 'setup',
  });
  expect((await guest.run('id -u')).exit).toEqual({ code: 0 });
});

it('takes a home below another mount, another name, and a limit on files beside the shares', async () => {
  const user = { ...AGENT, home: '/tmp/some/home' };
  const guest = await begin({ config: { user, hostname: 'other', disk: 4 * 1024 * 1024 } });
  const look = await guest.run(
    'echo x > /tmp/some/home/f && stat -c %u /tmp/some/home; hostname; cat /etc/hostname',
  );
  expect(look.stdout).toBe(`${AGENT.uid}\nother\nother\n`);
  const full = await guest.run('head -c 8000000 /dev/zero > /usr/big', { user: 'root' });
  expect(full.stderr).toMatch(/No space left/);
});
