// What the session's private copy holds under one name.

/** Content that belongs to the session: a file in the private directory, named by number. */
export interface PrivateEntry {
  id: number;
}
