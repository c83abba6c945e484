import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { NO_POLICY, type Policy } from "../../core/policy/policy.ts";
import { nodeErrno } from "../node-errno.ts";
import { DEFAULT_CONFIG, type PolicyFile, policyFiles } from "../policy/policy-files.ts";
import { hostDirectory, policyOf } from "../policy/read-policy.ts";
import { showAll, showUid, uidNamed } from "../policy/show-policy.ts";
import { isDefaultPlace } from "./socket.ts";

/** What the words of limits do. */
export interface LimitsActions {
  /** Reads the files again; what was before holds on where anything is wrong with them: EINVAL and as policyFiles. A line for a person. */
  reload(): Promise<string>;
  /** What holds for a uid or user, or all there is to say: lines. Both are EOPNOTSUPP where the daemon reads no limits. */
  show(who: string): readonly string[];
}

/** The file that the daemon goes by when none is named: the administrator's, if it is root's own. */
export function limitsConfig(named: string | undefined): string | undefined {
  return named ?? (process.geteuid!() === 0 && isDefaultPlace() ? DEFAULT_CONFIG : undefined);
}

interface Setup {
  /** undefined: this daemon sets no limits to anybody. */
  readonly config: string | undefined;
  /** Where it is kept what was read last and was good: for a successor, when somebody has broken the files since. */
  readonly dir: string;
  print(line: string): void;
}

/** The administrator's limits as the daemon reads them. */
export class DaemonLimits implements LimitsActions {
  readonly #setup: Setup;
  readonly #good: string;
  #policy: Policy = NO_POLICY;
  #apply: (policy: Policy) => Promise<void> = async () => {};

  constructor(setup: Setup) {
    this.#setup = setup;
    this.#good = join(setup.dir, "limits.good");
    if (setup.config === undefined) return;
    try {
      this.#policy = this.#read(setup.config);
    } catch (error) {
      if (!isErrno(error)) throw error;
      setup.print(`lyonnais: limits: ${error.message}; what was good before holds`);
      this.#policy = this.#readGood();
    }
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Whether it reads any files. */
  get reads(): boolean {
    return this.#setup.config !== undefined;
  }

  /** Who is to be told of another policy. */
  onChange(apply: (policy: Policy) => Promise<void>): void {
    this.#apply = apply;
  }

  async reload(): Promise<string> {
    const config = this.#config();
    const policy = this.#read(config);
    await this.#apply(policy);
    this.#policy = policy;
    return `${policy.length} ${policy.length === 1 ? "setting" : "settings"} from ${config}`;
  }

  #config(): string {
    const { config } = this.#setup;
    if (config !== undefined) return config;
    throw new Errno("EOPNOTSUPP", "this daemon reads no limits: root's does, and one that is started with --config");
  }

  show(who: string): readonly string[] {
    this.#config();
    if (who === "") return showAll(this.#policy);
    const directory = hostDirectory();
    const uid = uidNamed(who, directory);
    if (uid === undefined) throw new Errno("ENOENT", `/etc/passwd has no user ${who}`);
    return showUid(this.#policy, uid, directory);
  }

  /** All of it is good, or it is not taken. */
  #read(config: string): Policy {
    const files = policyFiles(config);
    const policy = policyOf(files, (line) => this.#setup.print(`lyonnais: limits: ${line}`));
    this.#keep(files);
    return policy;
  }

  #keep(files: readonly PolicyFile[]): void {
    try {
      const fresh = `${this.#good}.new`;
      rmSync(fresh, { force: true });
      writeFileSync(fresh, JSON.stringify(files), { mode: 0o600, flag: "wx" });
      renameSync(fresh, this.#good);
    } catch (error) {
      this.#setup.print(`lyonnais: limits: ${nodeErrno(error).message}: a successor has the files only`);
    }
  }

  #readGood(): Policy {
    try {
      const files = JSON.parse(readFileSync(this.#good, "utf8")) as readonly PolicyFile[];
      return policyOf(files, () => {});
    } catch {
      // There has been none.
      return NO_POLICY;
    }
  }
}
