// A job's combinations: the product of the lists, less what is excluded, with what is included.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix

export type Combination = Readonly<Record<string, unknown>>;

/** One empty combination where there is no matrix. */
export function combinationsOf(matrix: unknown): Combination[] {
  if (typeof matrix !== 'object' || matrix === null) return [{}];
  const { include = [], exclude = [], ...lists } = matrix as Record<string, unknown>;
  let all: Record<string, unknown>[] = [{}];
  for (const [name, values] of Object.entries(lists)) {
    if (!Array.isArray(values)) throw new Error(`matrix.${name} is no list`);
    all = all.flatMap((one) => values.map((value: unknown) => ({ ...one, [name]: value })));
  }
  const hasLists = Object.keys(lists).length > 0;
  const kept = (hasLists ? all : []).filter(
    (one) => !(exclude as Combination[]).some((pattern) => fits(one, pattern)),
  );
  const originals = kept.map((one) => ({ ...one }));
  for (const extra of include as Combination[]) {
    // It joins each combination whose own values it does not change, and stands alone where there is none.
    let isTaken = false;
    originals.forEach((own, i) => {
      const one = kept[i] ?? {};
      const clashes = Object.keys(extra).some(
        (name) => name in own && !isSame(own[name], extra[name]),
      );
      if (clashes) return;
      Object.assign(one, extra);
      isTaken = true;
    });
    if (!isTaken) kept.push({ ...extra });
  }
  return kept;
}

/** As shown behind a job's name. */
export function labelOf(combination: Combination): string {
  const values = Object.values(combination).map((value) =>
    typeof value === 'string' ? value : JSON.stringify(value),
  );
  return values.length === 0 ? '' : ` (${values.join(', ')})`;
}

function fits(one: Combination, pattern: Combination): boolean {
  return Object.entries(pattern).every(([name, value]) => isSame(one[name], value));
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
