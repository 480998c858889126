// Who the agent is inside, and how that maps to the files' owner on the host.

import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { GuestIdentity } from './environment.ts';

/** uid and gid the agent gets when the host user is root and nobody else can be meant */
const FALLBACK_ID = 1000;

export interface GuestUser {
  identity: GuestIdentity;
  /** owner of the files on the host, and who that is in the guest */
  uidMap: { hostUid: number; hostGid: number; guestUid: number; guestGid: number };
}

/**
 * The agent has the host user's uid. When the host process is root, it acts for the user of `sudo`, else for the owner of
 * the workspace; if that is root too, files stay root's on the host and belong to an ordinary uid in the guest.
 */
export function guestUser(
  workspace: string,
  home: string,
  host: Readonly<Record<string, string | undefined>>,
): GuestUser {
  const { uid, gid } = hostOwner(workspace, host);
  const guestUid = uid === 0 ? FALLBACK_ID : uid;
  const guestGid = gid === 0 ? FALLBACK_ID : gid;
  return {
    identity: { name: loginName(uid, host), uid: guestUid, gid: guestGid, home },
    uidMap: { hostUid: uid, hostGid: gid, guestUid, guestGid },
  };
}

function hostOwner(
  workspace: string,
  host: Readonly<Record<string, string | undefined>>,
): { uid: number; gid: number } {
  const info = userInfo();
  if (info.uid !== 0) return { uid: info.uid, gid: info.gid };
  const sudoUid = Number(host['SUDO_UID']);
  const sudoGid = Number(host['SUDO_GID']);
  if (Number.isInteger(sudoUid) && sudoUid > 0 && Number.isInteger(sudoGid))
    return { uid: sudoUid, gid: sudoGid };
  const owner = statSync(workspace);
  return { uid: owner.uid, gid: owner.gid };
}

function loginName(uid: number, host: Readonly<Record<string, string | undefined>>): string {
  const info = userInfo();
  const name = uid === info.uid ? info.username : host['SUDO_USER'];
  return name === undefined || name === 'root' || !/^[a-z_][a-z0-9_-]{0,31}$/.test(name)
    ? 'agent'
    : name;
}
