import { dirname, isAbsolute } from "node:path";
import { Errno } from "../../core/base/errno.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import { DEFAULT_OPTIONS } from "../../core/procfs/options.ts";
import { toPromise } from "../../core/vfs/parked.ts";
import type { Descriptors } from "../../host/linux/descriptors.ts";
import { listenNinep } from "../../host/serve/ninep-listen.ts";
import { composeLiveHost } from "../compose.ts";
import { Keeper } from "../keeper/keeper.ts";
import type { Patience } from "../keeper/script.ts";
import { type Mounted, mountProcfs } from "../mount.ts";
import { parseMountOptions } from "../mount-options.ts";
import { nodeErrno } from "../node-errno.ts";
import { composeDisks } from "./compose-disks.ts";
import { DAEMON_TREE, daemonFileSystem } from "./control-fs.ts";
import { DaemonLock } from "./daemon-lock.ts";
import type { RunRequest } from "./run-word.ts";
import { daemonSocket } from "./socket.ts";

/** How often a daemon that was started on demand looks whether it is still of use; twice in vain, and it goes. */
const IDLE_LOOK_MS = 500;

const toPages = (bytes: number): number => Math.floor(bytes / PAGE_SIZE);

export interface DaemonOptions {
  /** Ends by itself when nothing is mounted, attached or connected, and there is no memory disk. */
  readonly onDemand: boolean;
  /** What starts a daemon like this one: program and arguments. */
  readonly command: readonly string[];
  /** Where a daemon that was started again says what is wrong. */
  readonly log: string;
  /** With a daemon that does not last; a usual one without it. */
  readonly patience?: Patience;
  onBug(error: unknown): void;
}

export interface Daemon {
  readonly socket: string;
  /** What has to outlive a daemon that is killed. */
  readonly descriptors: Descriptors;
  /** As the word `mount`. */
  mount(options: string, dir: string): Promise<void>;
  /** Resolves when everything is undone. */
  readonly ended: Promise<void>;
  stop(): void;
}

/**
 * This user's daemon: the mounts, the disks, and the tree for those who ask on its socket. EADDRINUSE when there is one. When it
 * cannot begin, its place is free, or its keeper's, once this process has ended, which the caller has to see to.
 */
export async function startDaemon({ onDemand, onBug, ...restart }: DaemonOptions): Promise<Daemon> {
  const socket = daemonSocket();
  const lock = await DaemonLock.take(socket, !onDemand);
  const keeper = new Keeper({ ...restart, lock: lock.fd, inheritance: lock.inheritance, onBug });
  const giveUp = (error: unknown): never => {
    keeper.abandon();
    lock.release();
    throw systemErrno(error);
  };
  const onDeath = (error: Error): never => {
    onBug(error);
    // Trapped calls wait for whoever the keeper starts next.
    process.exit(1);
  };
  const state = { dir: dirname(socket), descriptors: keeper };
  const host = attempt(() => composeLiveHost(onBug, { state, onDeath }), giveUp);
  await host.accountant.ready.catch(giveUp);
  const disks = attempt(() => composeDisks(socket, host.accountant), giveUp);
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
  const run = ({ pid, fd, soft, hard, budget, repair }: RunRequest): Promise<boolean> => {
    const limit = { soft: toPages(soft), hard: toPages(hard) };
    return toPromise(host.accountant.launch(pid, fd, limit, toPages(budget), repair));
  };
  const { accountant } = host;
  /** Programs that wait for us to answer their calls cannot be left alone: their limits go at once, and we with the last of them. */
  const endWhenFree = (): void => {
    if (accountant.trees === 0) {
      stop();
      return;
    }
    accountant.lift();
    lock.stay(false);
    for (const mounted of mounts) mounted.stop();
  };
  const stopUnlessNeeded = async (force: boolean): Promise<string | undefined> => {
    await toPromise(accountant.catchUp());
    const { trees } = accountant;
    if (trees > 0 && !force) {
      throw new Errno(
        "EBUSY",
        `${trees} ${trees === 1 ? "command is" : "commands are"} under limits: stop --force lifts them`,
      );
    }
    endWhenFree();
    return trees === 0 ? undefined : `lifted ${trees}`;
  };
  const actions = {
    run,
    mount,
    stay: () => lock.stay(true),
    stop: stopUnlessNeeded,
    mounts: () => [...mounts].map(({ dir }) => dir),
    disks,
  };
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
    return giveUp(error);
  });

  let idleLooks = 0;
  const timer = setInterval(() => {
    // The disks are another's when our place is.
    const accounts = disks.any && !listening.replaced;
    const used = mounts.size > 0 || accounts || listening.connections > 0 || keeper.size > 0 || !host.idle;
    idleLooks = used ? 0 : idleLooks + 1;
    // Another daemon that began in the same moment may have taken our place.
    if (idleLooks >= 2 && (!lock.stays || listening.replaced)) stop();
  }, IDLE_LOOK_MS);

  const end = async (): Promise<void> => {
    await stopped;
    clearInterval(timer);
    for (const mounted of mounts) mounted.stop();
    await Promise.all([...mounts].map(({ ended }) => ended));
    listening.hide();
    await host.close();
    await keeper.dismiss();
    // Who waits for the end of the last connection may start a daemon at once.
    lock.release();
    await listening.close();
  };
  return { socket, descriptors: keeper, mount, ended: end(), stop: endWhenFree };
}

function attempt<T>(act: () => T, failed: (error: unknown) => never): T {
  try {
    return act();
  } catch (error) {
    return failed(error);
  }
}

/** What a system call has refused, in one line; anything else is a defect of ours, and tells where. */
function systemErrno(error: unknown): unknown {
  return error instanceof Error && "syscall" in error ? nodeErrno(error) : error;
}
