import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MountClient } from "../../src/app/mount-client.ts";
import type { TreeClient } from "../../src/app/tree-client.ts";
import { ROOT } from "../support/paths.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { runFsSuite } from "./fs-suite.ts";

/** A client of a mount that a child process serves, and with it gone. */
async function openMounted(): Promise<TreeClient> {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-fixture-"));
  const server = spawn(process.execPath, [join(ROOT, "dist/test/support/serve-fixture.js"), dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await Promise.race([once(server.stdout, "data"), once(server, "exit")]);
  const client = new MountClient(dir);
  client.close = async () => {
    server.kill("SIGTERM");
    const [code] = await once(server, "exit");
    rmdirSync(dir);
    assert.equal(code, 0);
  };
  return client;
}

runFsSuite({ name: "FUSE", open: openMounted, test: NEEDS_MOUNT });
