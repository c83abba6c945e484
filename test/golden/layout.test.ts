import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ARCHES } from "../../src/core/abi/arch/all.ts";
import { ROOT } from "../support/paths.ts";

for (const arch of ARCHES) {
  const golden = readFileSync(join(ROOT, "test", "golden", `registers-${arch.machine}.txt`), "utf8");

  test(`${arch.machine}: the register set is that of the golden layout`, () => {
    const lines = arch.registers.map((name, i) => `${name} ${8 * i}\n`);
    assert.equal(`${lines.join("")}size ${arch.registerSize}\n`, golden);
  });

  test(`${arch.machine}: the golden layout is what C says`, (t) => {
    if (arch.nodeArch !== process.arch) {
      t.diagnostic("another processor's headers are not here; its golden text is checked where it runs");
      return;
    }
    const dir = mkdtempSync(join(tmpdir(), "lyonnais-layout-"));
    const binary = join(dir, "layout");
    spawnSync("cc", ["-o", binary, join(ROOT, "test", "golden", "layout.c")], { stdio: "inherit" });
    assert.equal(spawnSync(binary, { encoding: "utf8" }).stdout, golden);
    rmSync(dir, { recursive: true });
  });
}
