import { composeLiveHost } from "../app/compose.ts";
import { type Mounted, mountPoint, mountProcfs } from "../app/mount.ts";
import type { MountSettings } from "../app/mount-options.ts";
import { reportBug } from "./report.ts";
import { END_SIGNALS } from "./signals.ts";

/** Mounts and serves until unmounted or told to end; `ready` is called once the mount is there. */
export async function serveMount(
  dir: string,
  settings: MountSettings,
  ready: (mounted: Mounted) => void | Promise<void>,
): Promise<void> {
  const path = mountPoint(dir);
  const host = composeLiveHost(reportBug);
  const mounted = await mountProcfs(host, path, settings, reportBug).catch(async (error) => {
    await host.close();
    throw error;
  });
  const end = (): void => mounted.stop();
  for (const signal of END_SIGNALS) process.once(signal, end);
  await ready(mounted);
  await mounted.ended;
  await host.close();
  for (const signal of END_SIGNALS) process.off(signal, end);
}
