/**
 * A set of page indexes, kept as sorted runs [from, to): what a program touches is mostly in a few stretches. A single run
 * takes no array.
 */
export class PageRuns {
  /** The only run, empty when both are equal. Without meaning once there are {@link #edges}. */
  #from: number;
  #to: number;
  /** from, to, from, to …: disjoint, ascending, never touching. */
  #edges: number[] | undefined = undefined;

  /** The set of [from, to). */
  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
  }

  #list(): number[] {
    return this.#edges ?? (this.#from < this.#to ? [this.#from, this.#to] : []);
  }

  has(page: number): boolean {
    if (this.#edges === undefined) return page >= this.#from && page < this.#to;
    return above(this.#edges, page) % 2 === 1;
  }

  get count(): number {
    if (this.#edges === undefined) return this.#to - this.#from;
    let count = 0;
    for (let i = 0; i < this.#edges.length; i += 2) count += this.#edges[i + 1]! - this.#edges[i]!;
    return count;
  }

  add(from: number, to: number): void {
    if (this.#edges === undefined) {
      if (this.#from === this.#to) {
        this.#from = from;
        this.#to = to;
        return;
      }
      if (from <= this.#to && to >= this.#from) {
        this.#from = Math.min(this.#from, from);
        this.#to = Math.max(this.#to, to);
        return;
      }
    }
    const edges = this.#list();
    this.#edges = edges;
    // Runs that only touch are joined: an edge equal to `from` or `to` counts as inside.
    let first = above(edges, from - 1);
    let last = above(edges, to);
    const start = first % 2 === 1 ? edges[--first]! : from;
    const end = last % 2 === 1 ? edges[last++]! : to;
    edges.splice(first, last - first, start, end);
  }

  remove(from: number, to: number): void {
    if (from >= to) return;
    const edges = this.#list();
    const first = above(edges, from - 1);
    let last = above(edges, to - 1);
    const kept = first % 2 === 1 ? [from] : [];
    if (last % 2 === 1) {
      if (edges[last] === to) last++;
      else kept.push(to);
    }
    edges.splice(first, last - first, ...kept);
    if (edges.length > 2) {
      this.#edges = edges;
      return;
    }
    [this.#from = 0, this.#to = 0] = edges;
    this.#edges = undefined;
  }

  /** The runs in [from, to), clipped to it. */
  *within(from: number, to: number): IterableIterator<readonly [from: number, to: number]> {
    const edges = this.#list();
    for (let i = above(edges, from) & ~1; i < edges.length && edges[i]! < to; i += 2) {
      yield [Math.max(edges[i]!, from), Math.min(edges[i + 1]!, to)];
    }
  }

  /** Whether every page of [from, to) is here. */
  covers(from: number, to: number): boolean {
    const edges = this.#list();
    const at = above(edges, from);
    return from >= to || (at % 2 === 1 && edges[at]! >= to);
  }
}

/** The position of the first edge above `page`: odd when `page` is inside a run. */
function above(edges: readonly number[], page: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}
