/** What a person or a system ends a server with. */
export const END_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves when the process is told to end, by one of `signals`. */
export async function untilTold(signals: readonly NodeJS.Signals[] = END_SIGNALS): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve());
  });
}
