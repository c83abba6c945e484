import { mountByDaemon } from "../app/daemon/client.ts";
import { type Daemon, startDaemon } from "../app/daemon/daemon.ts";
import { keepAlive } from "../app/keep-alive.ts";
import { mountPoint, unmountProcfs } from "../app/mount.ts";
import { isErrno } from "../core/base/errno.ts";
import { startDaemonInBackground } from "./background.ts";
import { daemonCommandLine } from "./daemon-command-line.ts";
import { reportBug } from "./report.ts";
import { untilTold } from "./signals.ts";
import { historyDir, stateFile } from "./state-file.ts";

/**
 * Mounts on `dir` until unmounted or told to end. This process is the daemon, so that what `run` accounts shows in the mount;
 * where there is one, that serves the mount.
 */
export async function serveStart(dir: string, ready: (path: string) => void): Promise<void> {
  const path = mountPoint(dir);
  const daemon = await ownDaemon();
  if (!daemon) {
    await mountByDaemon(path, "", startDaemonInBackground);
    ready(path);
    // Nothing else keeps this process: the mount is the daemon's.
    const release = keepAlive();
    await untilTold();
    release();
    unmountProcfs(path);
    return;
  }
  try {
    await daemon.mount("", path);
    ready(path);
    void untilTold().then(daemon.stop);
  } catch (error) {
    daemon.stop();
    await daemon.ended;
    throw error;
  }
  await daemon.ended;
}

async function ownDaemon(): Promise<Daemon | undefined> {
  try {
    const log = stateFile("server.log");
    return await startDaemon({
      onDemand: true,
      command: daemonCommandLine(),
      log,
      history: historyDir(),
      onBug: reportBug,
    });
  } catch (error) {
    if (!isErrno(error, "EADDRINUSE")) throw error;
    return undefined;
  }
}
