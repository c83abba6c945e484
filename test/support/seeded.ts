/** Numbers from 0 to below the given one, whole where that is; the same for the same seed. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What random tests begin with: the same each time, another by LYONNAIS_SEED. */
export function seedFrom(usual: number): number {
  return Number(process.env["LYONNAIS_SEED"] ?? usual);
}
