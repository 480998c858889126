// Directory listings in progress. A name keeps its place for as long as the listing is remembered, whatever is created or
// removed meanwhile, so that a reader who goes on at place N sees each name once.

export interface Listing {
  /** byte names by place; undefined where a name is gone */
  names: (string | undefined)[];
  places: Map<string, number>;
}

export interface Listings {
  /** The listing of a directory, read again when a reader starts at its beginning. */
  open(directory: object, offset: number, read: () => string[]): Listing;
  drop(directory: object): void;
}

export function createListings(capacity: number): Listings {
  const known = new Map<object, Listing>();
  let total = 0;

  function drop(directory: object): void {
    const listing = known.get(directory);
    if (!listing) return;
    known.delete(directory);
    total -= listing.names.length;
  }

  function open(directory: object, offset: number, read: () => string[]): Listing {
    const listing = known.get(directory);
    if (listing && offset > 0) return listing;
    const fresh = merge(listing, read());
    drop(directory);
    known.set(directory, fresh);
    total += fresh.names.length;
    for (const oldest of known.keys()) {
      if (total <= capacity || oldest === directory) break;
      drop(oldest);
    }
    return fresh;
  }

  return { open, drop };
}

function merge(before: Listing | undefined, names: string[]): Listing {
  // Most directories are read once and whole: nothing to keep in place.
  const isSparse = before !== undefined && before.names.length > 2 * names.length + 1024;
  if (!before || isSparse) return { names, places: new Map() };
  if (before.places.size === 0)
    before.names.forEach((name, place) => name !== undefined && before.places.set(name, place));
  const present = new Set(names);
  const merged = before.names.map((name) =>
    name !== undefined && present.has(name) ? name : undefined,
  );
  const places = new Map<string, number>();
  merged.forEach((name, place) => name !== undefined && places.set(name, place));
  for (const name of names) {
    if (places.has(name)) continue;
    places.set(name, merged.length);
    merged.push(name);
  }
  return { names: merged, places };
}
