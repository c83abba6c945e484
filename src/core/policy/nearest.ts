/** How many letters may be wrong. */
const MOST_WRONG = 2;

/** `; did you mean NAME?`, where one of `names` is close to what was written. */
export function didYouMean(written: string, names: readonly string[]): string {
  let best: string | undefined;
  let least = MOST_WRONG + 1;
  for (const name of names) {
    if (Math.abs(name.length - written.length) > MOST_WRONG) continue;
    const wrong = distance(written.toLowerCase(), name);
    if (wrong < least) [best, least] = [name, wrong];
  }
  return best === undefined ? `; there are ${names.join(", ")}` : `; did you mean ${best}?`;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j]! + (a[i] === b[j] ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
