import { spawnSync } from "node:child_process";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Errno } from "../../core/base/errno.ts";
import { nodeErrno } from "../node-errno.ts";
import type { InitSystem, ServiceCommands } from "./init-systems.ts";

/** What is said of a service that is to be installed. */
export interface ServiceOptions {
  /** Program and arguments that are lyonnais, to which those of a command are added. */
  readonly program: readonly string[];
  /** The file of the limits, where it is not the usual one. */
  readonly config?: string | undefined;
  /** Where the process file system is mounted, for all users; nowhere without it. */
  readonly mount?: string | undefined;
  /** Whether container runtimes may connect. */
  readonly agent?: boolean | undefined;
}

/** Runs a command to its end, with its output shown. EIO where it fails. */
function run([program, ...args]: readonly string[]): void {
  const { status, error } = spawnSync(program!, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (error) throw nodeErrno(error);
  if (status !== 0) throw new Errno("EIO", `${[program, ...args].join(" ")} ended with ${status ?? "a signal"}`);
}

export function serviceCommands({ program, config, mount, agent }: ServiceOptions): ServiceCommands {
  return {
    start: [...program, "daemon", ...(config === undefined ? [] : ["--config", config])],
    after: [
      ...(mount === undefined ? [] : [[...program, "mount", "-o", "allow_other", mount]]),
      ...(agent ? [[...program, "agent"]] : []),
    ],
    // Those under limits go on without: they cannot be left waiting.
    stop: [...program, "stop", "--force"],
    reload: [...program, "limits", "reload"],
    status: [...program, "service", "status"],
  };
}

function requireRoot(): void {
  if (process.geteuid!() !== 0) throw new Errno("EPERM", "only root installs and removes services");
}

/** Writes the service's file, and has it started now and whenever the host is. EPERM. */
export function installService(system: InitSystem, options: ServiceOptions): void {
  requireRoot();
  const fresh = `${system.file}.new`;
  try {
    rmSync(fresh, { force: true });
    writeFileSync(fresh, system.text(serviceCommands(options)), { mode: system.mode, flag: "wx" });
    renameSync(fresh, system.file);
  } catch (error) {
    throw nodeErrno(error);
  }
  for (const command of system.enable) run(command);
}

/** Stops the service and takes its file away. ENOENT: it is not installed; EPERM. */
export function removeService(system: InitSystem): void {
  requireRoot();
  if (!existsSync(system.file)) throw new Errno("ENOENT", `there is no ${system.file}: the service is not installed`);
  for (const command of system.disable) run(command);
  rmSync(system.file);
}

export const isInstalled = ({ file }: InitSystem): boolean => existsSync(file);
