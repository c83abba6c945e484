import { type Mounted, mountProcfs } from "../app/mount.ts";
import type { MountSettings } from "../app/mount-options.ts";

const END_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function reportBug(error: unknown): void {
  process.stderr.write(`lyonnais: internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
}

/** Mounts and serves until unmounted or told to end; `ready` is called once the mount is there. */
export async function serveMount(
  dir: string,
  settings: MountSettings,
  ready: (mounted: Mounted) => void | Promise<void>,
): Promise<void> {
  const mounted = await mountProcfs(dir, settings, reportBug);
  const end = (): void => mounted.stop();
  for (const signal of END_SIGNALS) process.once(signal, end);
  await ready(mounted);
  await mounted.ended;
  for (const signal of END_SIGNALS) process.off(signal, end);
}
