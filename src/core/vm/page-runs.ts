/** A set of page indexes, kept as sorted runs [from, to): what a program touches is mostly in a few stretches. */
export class PageRuns {
  /** from, to, from, to …: disjoint, ascending, never touching. */
  readonly #edges: number[] = [];

  /** The position of the first edge above `page`: odd when `page` is inside a run. */
  #above(page: number): number {
    const edges = this.#edges;
    let low = 0;
    let high = edges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (edges[middle]! <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(page: number): boolean {
    return this.#above(page) % 2 === 1;
  }

  get count(): number {
    let count = 0;
    for (let i = 0; i < this.#edges.length; i += 2) count += this.#edges[i + 1]! - this.#edges[i]!;
    return count;
  }

  add(from: number, to: number = from + 1): void {
    const edges = this.#edges;
    if (edges.length === 0) {
      edges.push(from, to);
      return;
    }
    // Runs that only touch are joined: an edge equal to `from` or `to` counts as inside.
    let first = this.#above(from - 1);
    let last = this.#above(to);
    const start = first % 2 === 1 ? edges[--first]! : from;
    const end = last % 2 === 1 ? edges[last++]! : to;
    edges.splice(first, last - first, Math.min(start, from), Math.max(end, to));
  }

  remove(from: number, to: number): void {
    const edges = this.#edges;
    if (edges.length === 0 || from >= to) return;
    const first = this.#above(from - 1);
    let last = this.#above(to - 1);
    const kept = first % 2 === 1 ? [from] : [];
    if (last % 2 === 1) {
      if (edges[last] === to) last++;
      else kept.push(to);
    }
    edges.splice(first, last - first, ...kept);
  }

  /** The runs in [from, to), clipped to it. */
  *within(from: number, to: number): IterableIterator<readonly [from: number, to: number]> {
    const edges = this.#edges;
    for (let i = this.#above(from) & ~1; i < edges.length && edges[i]! < to; i += 2) {
      yield [Math.max(edges[i]!, from), Math.min(edges[i + 1]!, to)];
    }
  }

  /** Whether every page of [from, to) is here. */
  covers(from: number, to: number): boolean {
    const at = this.#above(from);
    return from >= to || (at % 2 === 1 && this.#edges[at]! >= to);
  }
}
