// Who acts on a laptop: the user the operating system says runs this process.

import { userInfo } from 'node:os';

import type { Actor } from '../model/identity.ts';

export interface OsUser {
  username: string;
  uid: number;
}

export function localActor(user: OsUser = readOsUser()): Actor {
  const isNumbered = user.uid >= 0; // -1 where the system has no numbers for users
  return {
    login: user.username,
    ...(isNumbered && { id: String(user.uid) }),
    assurance: 'os-user',
  };
}

function readOsUser(): OsUser {
  try {
    const { username, uid } = userInfo();
    return { username, uid };
  } catch {
    // A container may run under a number without a name.
    const uid = process.getuid?.() ?? -1;
    return { username: uid >= 0 ? `uid-${uid}` : 'unknown', uid };
  }
}
