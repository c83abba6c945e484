declare const brand: unique symbol;

/** A number that must not be mixed up with another kind of number. */
export type Brand<Name extends string> = number & { readonly [brand]: Name };

/** A process: the id of its thread group. */
export type Pid = Brand<"Pid">;

/** A thread, as the kernel numbers it; the leader's equals the process's {@link Pid}. */
export type Tid = Brand<"Tid">;
