import { rmSync } from "node:fs";
import { isAbsolute } from "node:path";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Accountant } from "../../host/accountant/accountant.ts";
import type { Descriptors } from "../../host/linux/descriptors.ts";
import { libcClose } from "../../host/linux/ffi/libc.ts";
import { acceptUnix, listenUnix } from "../../host/linux/unix-listener.ts";
import { watchReadable } from "../../host/linux/watch.ts";
import { nodeErrno } from "../node-errno.ts";
import { AgentConnection, type AgentOwner } from "./agent-connection.ts";

/** Under which the socket of an agent is kept; its path follows. */
const KEPT = "agent ";
/** Runtimes that are connected; more wait in the socket. */
const MOST_CONNECTIONS = 64;

/** How long no connection is taken when this process has no descriptor left. */
const PAUSE_MS = 100;

interface Agent {
  readonly path: string;
  readonly fd: number;
  /** Absent while no connection is to be taken: what is readable and is not read would be told of again at once. */
  watch: { close(): void } | undefined;
}

interface Setup {
  readonly accountant: Accountant;
  readonly descriptors: Descriptors;
  print(line: string): void;
  onBug(error: unknown): void;
}

/**
 * The OCI seccomp agents of this daemon: sockets on which container runtimes hand over the listeners of their containers. The sockets are
 * held as listeners are, so a runtime that connects while the daemon is started again waits for the next one.
 */
export class Agents {
  readonly #setup: Setup;
  readonly #agents = new Map<string, Agent>();
  readonly #connections = new Set<AgentConnection>();
  #isClosed = false;

  constructor(setup: Setup) {
    this.#setup = setup;
    for (const [name, fd] of setup.descriptors.kept)
      if (name.startsWith(KEPT)) this.#serve(name.slice(KEPT.length), fd);
  }

  /** Serves `path` from now on, also when this daemon is killed. EBUSY: it does already; and as {@link listenUnix}. */
  async listen(path: string): Promise<void> {
    if (!isAbsolute(path)) throw new Errno("EINVAL", `${path} is no absolute path`);
    if (this.#agents.has(path)) return;
    let fd: number;
    try {
      fd = listenUnix(path);
    } catch (error) {
      throw isErrno(error) ? error : nodeErrno(error);
    }
    try {
      await this.#setup.descriptors.hold(KEPT + path, fd);
      if (this.#isClosed) {
        this.#setup.descriptors.drop(KEPT + path);
        throw new Errno("EBUSY", "the daemon was stopped meanwhile");
      }
    } catch (error) {
      libcClose(fd);
      rmSync(path, { force: true });
      throw error;
    }
    this.#serve(path, fd);
  }

  #serve(path: string, fd: number): void {
    const agent: Agent = { path, fd, watch: undefined };
    this.#agents.set(path, agent);
    this.#resume(agent);
  }

  #resume(agent: Agent): void {
    if (this.#agents.get(agent.path) !== agent) return;
    agent.watch ??= watchReadable(agent.fd, () => this.#accept(agent));
  }

  #accept(agent: Agent): void {
    try {
      while (this.#connections.size < MOST_CONNECTIONS) {
        const socket = acceptUnix(agent.fd);
        if (socket === undefined) return;
        this.#connections.add(new AgentConnection(socket, this.#owner));
      }
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#setup.print(`lyonnais: agent: ${error.message}`);
      setTimeout(() => this.#resume(agent), PAUSE_MS).unref();
    }
    agent.watch?.close();
    agent.watch = undefined;
  }

  readonly #owner: AgentOwner = {
    came: ({ pid, id, budget }, listener) => {
      const { accountant, print, onBug } = this.#setup;
      accountant.contain(pid, listener, id, Math.floor(budget / PAGE_SIZE)).listen({
        settled: () => {},
        failed: (error) => {
          if (!isErrno(error)) onBug(error);
          else if (error.code !== "ESRCH") print(`lyonnais: agent: container ${id}: ${error.message}`);
        },
      });
    },
    refused: (error) => this.#setup.print(`lyonnais: agent: ${error.message}`),
    closed: (connection) => {
      this.#connections.delete(connection);
      for (const agent of this.#agents.values()) this.#resume(agent);
    },
  };

  close(): void {
    this.#isClosed = true;
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    for (const connection of [...this.#connections]) connection.close();
    for (const { path, fd, watch } of agents) {
      watch?.close();
      libcClose(fd);
      rmSync(path, { force: true });
      this.#setup.descriptors.drop(KEPT + path);
    }
  }
}
