// Owners as the guest sees them: the host user is the agent, and nobody else may look like the agent.

export interface UidMap {
  /** owner of what the guest writes, on the host */
  hostUid: number;
  hostGid: number;
  /** the agent */
  guestUid: number;
  guestGid: number;
}

/** Who owns files that belong to neither the host user nor anyone the guest may know. */
const NOBODY = 65534;

export interface Ownership {
  toGuestUid(hostUid: number, isShared: boolean): number;
  toGuestGid(hostGid: number, isShared: boolean): number;
  /** new files have to be handed to the host user: the host process is somebody else */
  mustHandOver: boolean;
  hostUid: number;
  hostGid: number;
}

export function createOwnership(map: UidMap, processUid: number, processGid: number): Ownership {
  return {
    toGuestUid: (uid, isShared) => toGuest(uid, map.hostUid, map.guestUid, isShared),
    toGuestGid: (gid, isShared) => toGuest(gid, map.hostGid, map.guestGid, isShared),
    mustHandOver: processUid === 0 && (map.hostUid !== processUid || map.hostGid !== processGid),
    hostUid: map.hostUid,
    hostGid: map.hostGid,
  };
}

function toGuest(id: number, host: number, guest: number, isShared: boolean): number {
  // A host user who is root owns the system too: that stays root's in the guest.
  if (id === host) return host === 0 && !isShared ? 0 : guest;
  return id === guest ? NOBODY : id;
}
