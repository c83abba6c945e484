import { dirname } from "node:path";
import { Errno } from "../../core/base/errno.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import { DEFAULT_OPTIONS } from "../../core/procfs/options.ts";
import { toPromise } from "../../core/vfs/parked.ts";
import { Acceptance } from "../../host/accountant/handshake.ts";
import type { Descriptors } from "../../host/linux/descriptors.ts";
import { listenNinep } from "../../host/serve/ninep-listen.ts";
import { composeLiveHost } from "../compose.ts";
import { Keeper } from "../keeper/keeper.ts";
import type { Patience } from "../keeper/script.ts";
import { nodeErrno } from "../node-errno.ts";
import { Agents } from "./agents.ts";
import { AutomaticEnrolment } from "./automatic-enrolment.ts";
import { composeDisks } from "./compose-disks.ts";
import { daemonFileSystem } from "./control-fs.ts";
import { DaemonLimits, limitsConfig } from "./daemon-limits.ts";
import { DaemonLock } from "./daemon-lock.ts";
import { type EnrolRequest, enrolSession } from "./enrol-word.ts";
import { Mounts } from "./mounts.ts";
import { QUOTAS } from "./quotas.ts";
import type { RunRequest } from "./run-word.ts";
import { DAEMON_TREE, daemonSocket, TREE_OF_CONTROL } from "./socket.ts";
import { startWatchdog } from "./watchdog.ts";

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
  /** The directory where history is kept; without it none is. */
  readonly history?: string | undefined;
  /** The file of the administrator's limits; without it root's daemon reads the usual one. */
  readonly config?: string | undefined;
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
  /** As the word `limits reload`; absent where this daemon reads no limits. */
  readonly reload: (() => Promise<string>) | undefined;
}

/**
 * This user's daemon: the mounts, the disks, and the tree for those who ask on its socket. EADDRINUSE when there is one. When it
 * cannot begin, its place is free, or its keeper's, once this process has ended, which the caller has to see to.
 */
export async function startDaemon({ onDemand, onBug, config, history, ...restart }: DaemonOptions): Promise<Daemon> {
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
  const print = (line: string): void => void process.stderr.write(`${line}\n`);
  const { host, mounts, limits } = attempt(() => {
    const limits = new DaemonLimits({ config: limitsConfig(config), dir: state.dir, print });
    const host = composeLiveHost(onBug, { state, onDeath, policy: limits.policy, history });
    const mounts = new Mounts(host, keeper, onBug);
    mounts.recover();
    return { host, mounts, limits };
  }, giveUp);
  await host.accountant.ready.catch(giveUp);
  const disks = attempt(() => composeDisks(socket, host.accountant), giveUp);
  const agents = attempt(() => new Agents({ accountant: host.accountant, descriptors: keeper, print, onBug }), giveUp);
  const enrolment = new AutomaticEnrolment(host.enrolment, keeper, print);
  limits.onChange(async (policy) => {
    await toPromise(host.accountant.setPolicy(policy));
    enrolment.changed(policy);
  });
  const tree = host.fileSystem(DEFAULT_OPTIONS);
  const ownTree = host.fileSystem({ ...DEFAULT_OPTIONS, control: "process" });
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });

  const run = ({ pid, fd, end, soft, hard, budget, repair, name }: RunRequest): Promise<boolean> => {
    const limit = { soft: toPages(soft), hard: toPages(hard) };
    const acceptance = Acceptance.take(pid, end);
    return toPromise(
      host.accountant.launch(pid, fd, { limit, budget: toPages(budget), repair, label: name }, acceptance),
    );
  };
  const { accountant } = host;
  let isLifted = false;
  /** Programs that wait for us to answer their calls cannot be left alone: their limits go at once, and we with the last of them. */
  const endWhenFree = (): void => {
    if (accountant.trees === 0) {
      stop();
      return;
    }
    enrolment.close();
    agents.close();
    accountant.lift();
    isLifted = true;
    lock.stay(false);
    void mounts.stop();
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
    owns: host.owns,
    run,
    mount: (options: string, dir: string) => mounts.mount(options, dir),
    // Whoever is answered has started it, or is served from now on: not by one that is ending.
    stay: () => {
      accountant.refuseIfLifted();
      lock.stay(true);
    },
    stop: stopUnlessNeeded,
    mounts: () => mounts.dirs,
    disks,
    limits,
    agent: (path: string) => {
      accountant.refuseIfLifted();
      return agents.listen(path);
    },
    enrol: (request: EnrolRequest) => enrolSession(request, limits.policy, host.enrols),
  };
  const listening = await listenNinep(
    { kind: "unix", path: socket },
    {
      control: "session",
      connectionsPerUid: QUOTAS.connections,
      attach: (aname) => {
        if (aname === DAEMON_TREE) return daemonFileSystem(actions);
        if (aname === TREE_OF_CONTROL.session) return tree;
        if (aname === TREE_OF_CONTROL.process) return ownTree;
        throw new Errno("ENOENT", `there is no tree ${aname}`);
      },
      turns: host.turns,
      onBug,
    },
  ).catch(async (error) => {
    await host.close();
    return giveUp(error);
  });

  enrolment.changed(limits.policy);
  const watchdog = startWatchdog(restart.log, host.accountant.pulse);
  let idleLooks = 0;
  const timer = setInterval(() => {
    // Whatever else is asked of it meanwhile: while it answers, none that holds anybody to a limit can be started.
    if (isLifted && accountant.trees === 0) stop();
    // The disks are another's when our place is.
    const accounts = disks.any && !listening.replaced;
    const used = mounts.size > 0 || accounts || listening.connections > 0 || keeper.size > 0 || !host.idle;
    idleLooks = used ? 0 : idleLooks + 1;
    // Another daemon that began in the same moment may have taken our place.
    if (idleLooks >= 2 && (!lock.stays || listening.replaced)) stop();
  }, IDLE_LOOK_MS);

  const end = async (): Promise<void> => {
    await stopped;
    await watchdog.close();
    enrolment.close();
    agents.close();
    clearInterval(timer);
    await mounts.stop();
    listening.hide();
    await host.close();
    await keeper.dismiss();
    // Who waits for the end of the last connection may start a daemon at once.
    lock.release();
    await listening.close();
  };
  const reload = limits.reads ? () => limits.reload() : undefined;
  return { socket, descriptors: keeper, mount: actions.mount, ended: end(), stop: endWhenFree, reload };
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
