/** Stops on a broken invariant. `what` names the function, as in `"vm/map: entries overlap"`, so that it can be searched for. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${what}`);
}

/** Closes a `switch` over a union: a case left out does not compile. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
