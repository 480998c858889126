// What bodies may take of the host's memory that are held until they are read whole, all of a session together.

export interface RoomShare {
  /** Takes room for so many bytes more; false where there is none, and after `release`. */
  hold(bytes: number): boolean;
  /** Gives back all that was taken. */
  release(): void;
}

export interface Room {
  /** one request's */
  share(): RoomShare;
}

/** `limit`: bytes */
export function createRoom(limit: number): Room {
  let held = 0;
  return {
    share() {
      let own = 0;
      let isOver = false;
      return {
        hold(bytes) {
          if (isOver || held + bytes > limit) return false;
          held += bytes;
          own += bytes;
          return true;
        },
        release() {
          isOver = true;
          held -= own;
          own = 0;
        },
      };
    },
  };
}
