import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CLI } from "../support/paths.ts";

const ROOT_ONLY = { skip: process.geteuid!() === 0 ? false : "needs root", timeout: 60_000 };
const ORDINARY = "setpriv --reuid 61003 --regid 61003 --clear-groups";
/** A program that grows until it is refused. */
const GROW =
  "python3 -c 'b=[]\ntry:\n  while 1: b.append(bytearray(1<<20))\nexcept MemoryError: print(\"refused\", len(b))'";

interface Place {
  readonly name: string;
  /** Shell words that run in a mount namespace of their own before anything else. */
  readonly before?: string;
  /** The command that everything is run under. */
  readonly under: string;
  /** Rows of the doctor: how each begins. */
  readonly says: Record<string, RegExp>;
}

const PLACES: readonly Place[] = [
  { name: "root's own", under: "env", says: { "/proc": /^ok mounted whole$/, "user namespace": /^ok/, mount: /^ok/ } },
  {
    name: "a /proc that hides others, for an ordinary user",
    before: "mount -t proc -o hidepid=2 proc /proc",
    under: ORDINARY,
    says: { "/proc": /^warn mounted with hidepid=invisible: other users' processes are not shown$/, limits: /^ok/ },
  },
  {
    name: "the same, for root",
    before: "mount -t proc -o hidepid=2 proc /proc",
    under: "env",
    says: { "/proc": /^ok mounted with hidepid=invisible, which does not concern root$/, mount: /^ok/ },
  },
  {
    name: "a /proc with nothing but processes",
    before: "mount -t proc -o subset=pid proc /proc",
    under: "env",
    says: { "/proc": /^warn mounted with subset=pid/, mount: /^ok/, limits: /^ok/ },
  },
  {
    name: "no new privileges, no capabilities, as in a hardened service",
    under: `${ORDINARY} --no-new-privs --bounding-set=-all`,
    says: { capabilities: /^warn without SYS_PTRACE, SYS_ADMIN, KILL/, limits: /^ok/, ptrace: /^ok/ },
  },
  {
    name: "a user namespace",
    under: `${ORDINARY} unshare -Ur`,
    says: { "user namespace": /^warn one of its own/, mount: /^missing E(PERM|ACCES)/, limits: /^ok/ },
  },
  {
    name: "no FUSE device",
    before: "mount --bind /dev/null /dev/fuse",
    under: "env",
    says: { mount: /^missing /, limits: /^ok/ },
  },
];

for (const { name, before = "true", under, says } of PLACES) {
  test(`${name}: the doctor says what works, and a limited program meets its limit`, ROOT_ONLY, (t) => {
    const home = mkdtempSync(join(tmpdir(), "lyonnais-place-"));
    t.after(() => rmSync(home, { recursive: true, force: true }));
    chmodSync(home, 0o777);
    const inside = (command: string): string => {
      const settings = `HOME=${home} LYONNAIS_RUNTIME_DIR=${home}/run XDG_STATE_HOME=${home}/state`;
      const script = `${before} && exec ${under} env ${settings} ${command}`;
      const ran = spawnSync("unshare", ["-m", "--propagation", "private", "sh", "-c", script], { encoding: "utf8" });
      assert.equal(ran.error, undefined);
      return ran.stdout + ran.stderr;
    };
    const rows = JSON.parse(inside(`${process.execPath} ${CLI} doctor --json`)) as Record<string, string>[];
    for (const [row, begins] of Object.entries(says)) {
      const found = rows.find((each) => each["name"] === row)!;
      assert.match(`${found["verdict"]} ${found["detail"]}`, begins, row);
    }
    const said = inside(`${process.execPath} ${CLI} run -j 64m -- ${GROW}`);
    assert.match(said, /^refused [3-6]\d\n/, said);
    inside(`${process.execPath} ${CLI} stop`);
  });
}
