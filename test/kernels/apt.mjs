// Debian's packages of any architecture, with lists and archives of our own: nothing of this machine's apt changes.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Debian 12: the oldest kernel that is promised, and its backport of Debian 13's. */
const SOURCES = ["debian bookworm", "debian-security bookworm-security"].map(
  (suite) => `deb [signed-by=${KEYRING}] http://deb.debian.org/${suite} main\n`,
);
/** How old lists may be. */
const FRESH_MS = 86_400_000;

/** Runs a program to its end and returns what it printed; what went wrong is the error. */
export function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    ...options,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr?.trim() ?? status}`);
  return stdout ?? "";
}

/** `arch` is Debian's name: amd64, arm64. */
export class Apt {
  #dir;
  #options;

  constructor(cache, arch) {
    this.#dir = join(cache, `apt-${arch}`);
    mkdirSync(join(this.#dir, "lists", "partial"), { recursive: true });
    mkdirSync(join(this.#dir, "cache", "archives", "partial"), { recursive: true });
    mkdirSync(join(this.#dir, "kernels"), { recursive: true });
    // Nothing is installed: so all that is needed is fetched.
    writeFileSync(join(this.#dir, "status"), "");
    writeFileSync(join(this.#dir, "sources.list"), SOURCES.join(""));
    this.#options = {
      "Dir::State": this.#dir,
      "Dir::State::lists": join(this.#dir, "lists"),
      "Dir::State::status": join(this.#dir, "status"),
      "Dir::Cache": join(this.#dir, "cache"),
      "Dir::Etc::sourcelist": join(this.#dir, "sources.list"),
      "Dir::Etc::sourceparts": "/dev/null",
      "APT::Architecture": arch,
      "APT::Architectures": arch,
      "APT::Sandbox::User": "root",
      "APT::Install-Recommends": "0",
      "Debug::NoLocking": "1",
    };
    const stamp = join(this.#dir, "updated");
    if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < FRESH_MS) return;
    this.#apt("apt-get", "-qq", "update");
    writeFileSync(stamp, "");
  }

  #apt(command, ...args) {
    const options = Object.entries(this.#options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    return run(command, [...options, ...args], { cwd: join(this.#dir, "kernels") });
  }

  /** The archives of packages and of all that they depend on. */
  withDependencies(packages) {
    this.#apt("apt-get", "-qq", "-y", "--download-only", "install", ...packages);
    const archives = join(this.#dir, "cache", "archives");
    // Versions that have been superseded go.
    this.#apt("apt-get", "-qq", "autoclean");
    return readdirSync(archives)
      .filter((name) => name.endsWith(".deb"))
      .map((name) => join(archives, name))
      .sort();
  }

  /** The archive of the kernel that `name`, such as linux-image-amd64, stands for now. */
  kernel(name) {
    const image = /^ *Depends: (linux-image-\S+)/m.exec(this.#apt("apt-cache", "depends", name))?.[1] ?? name;
    const dir = join(this.#dir, "kernels");
    const found = () => readdirSync(dir).find((file) => file.startsWith(`${image}_`) && file.endsWith(".deb"));
    if (!found()) this.#apt("apt-get", "-qq", "download", image);
    return { image, deb: join(dir, found()) };
  }
}
