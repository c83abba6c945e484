import { isAbsolute } from "node:path";
import { Errno } from "../../core/base/errno.ts";
import { DEFAULT_OPTIONS } from "../../core/procfs/options.ts";
import { listenNinep } from "../../host/serve/ninep-listen.ts";
import { composeLiveHost } from "../compose.ts";
import { type Mounted, mountProcfs } from "../mount.ts";
import { parseMountOptions } from "../mount-options.ts";
import { DAEMON_TREE, daemonFileSystem } from "./control-fs.ts";
import { daemonSocket, makeRuntimeDir } from "./socket.ts";

/** How often a daemon that was started on demand looks whether it is still of use; twice in vain, and it goes. */
const IDLE_LOOK_MS = 500;

export interface DaemonOptions {
  /** Ends by itself when nothing is mounted, attached or connected. */
  readonly onDemand: boolean;
  onBug(error: unknown): void;
}

export interface Daemon {
  readonly socket: string;
  /** Resolves when everything is undone. */
  readonly ended: Promise<void>;
  stop(): void;
}

/** This user's daemon: the mounts, and the tree for those who ask on its socket. EADDRINUSE when there is one. */
export async function startDaemon({ onDemand, onBug }: DaemonOptions): Promise<Daemon> {
  const socket = daemonSocket();
  makeRuntimeDir(socket);
  const host = composeLiveHost(onBug);
  const tree = host.fileSystem(DEFAULT_OPTIONS);
  const mounts = new Set<Mounted>();
  /** Where mounts are, or are being made. */
  const taken = new Set<string>();
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });

  const mount = async (options: string, dir: string): Promise<void> => {
    const settings = parseMountOptions(options);
    if (!isAbsolute(dir)) throw new Errno("EINVAL", `${dir} is no absolute path`);
    // Whatever is below a mount of ours would be asked of ourselves.
    const own = [...taken].find((each) => dir === each || dir.startsWith(`${each}/`));
    if (own) throw new Errno("EBUSY", `${own} is mounted already (lyonnais umount ${own})`);
    taken.add(dir);
    try {
      const mounted = await mountProcfs(host, dir, settings, onBug);
      mounts.add(mounted);
      mounted.ended.then(() => {
        mounts.delete(mounted);
        taken.delete(dir);
      }, onBug);
      await Promise.race([mounted.kernelMinor, mounted.ended]);
    } catch (error) {
      taken.delete(dir);
      throw error;
    }
  };
  let stays = !onDemand;
  const stay = (): void => {
    stays = true;
  };
  const actions = { mount, stay, stop, mounts: () => [...mounts].map(({ dir }) => dir) };
  const listening = await listenNinep(
    { kind: "unix", path: socket },
    {
      control: "session",
      attach: (aname) => {
        if (aname === DAEMON_TREE) return daemonFileSystem(actions);
        if (aname === "") return tree;
        throw new Errno("ENOENT", `there is no tree ${aname}`);
      },
      onBug,
    },
  ).catch(async (error) => {
    await host.close();
    throw error;
  });

  let idleLooks = 0;
  const timer = setInterval(() => {
    const used = mounts.size > 0 || listening.connections > 0 || !host.idle;
    idleLooks = used ? 0 : idleLooks + 1;
    // Another daemon that began in the same moment may have taken our place.
    if (idleLooks >= 2 && (!stays || listening.replaced)) stop();
  }, IDLE_LOOK_MS);

  const end = async (): Promise<void> => {
    await stopped;
    clearInterval(timer);
    for (const mounted of mounts) mounted.stop();
    await Promise.all([...mounts].map(({ ended }) => ended));
    listening.hide();
    await host.close();
    await listening.close();
  };
  return { socket, ended: end(), stop };
}
