// A bounded set that drops what was used longest ago.

export interface Recency<T> {
  add(item: T): void;
  touch(item: T): void;
  remove(item: T): void;
  clear(): void;
  size(): number;
}

export function createRecency<T>(capacity: number, onDrop: (item: T) => void): Recency<T> {
  const items = new Set<T>();
  let latest: T | undefined;

  function drop(item: T): void {
    if (!items.delete(item)) return;
    if (latest === item) latest = undefined;
    onDrop(item);
  }

  return {
    add: (item) => {
      items.add(item);
      latest = item;
      if (items.size <= capacity) return;
      for (const oldest of items) {
        drop(oldest);
        break;
      }
    },
    touch: (item) => {
      // The same item again and again is the usual case; it is at the end already.
      if (latest === item) return;
      items.delete(item);
      items.add(item);
      latest = item;
    },
    remove: drop,
    clear: () => {
      for (const item of items) onDrop(item);
      items.clear();
      latest = undefined;
    },
    size: () => items.size,
  };
}
