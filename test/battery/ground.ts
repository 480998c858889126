// What happened outside the sandbox: every hit is noted by the server it reached, whatever the guest says.

export interface Hit {
  kind: 'tcp' | 'http' | 'dns' | 'udp' | 'packet' | 'service';
  detail: string;
}

export interface Ground {
  note(hit: Hit): void;
  /** Hits since the last call. */
  take(): Hit[];
}

export function createGround(): Ground {
  let hits: Hit[] = [];
  return {
    note: (hit) => void hits.push(hit),
    take: () => {
      const taken = hits;
      hits = [];
      return taken;
    },
  };
}
