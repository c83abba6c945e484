/** What a person or a system ends a server with. */
export const END_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves when the process is told to end. */
export async function untilTold(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of END_SIGNALS) process.once(signal, () => resolve());
  });
}
