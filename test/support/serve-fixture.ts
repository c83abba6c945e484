/** Run as a program: mounts the conformance fixture on its argument and serves it until unmounted. */
import { memoryFileSystem } from "../../src/core/vfs/memory.ts";
import { mountFuse, unmountFuse } from "../../src/host/serve/fuse-mount.ts";
import { serveFuse } from "../../src/host/serve/fuse-server.ts";
import { FIXTURE } from "../conformance/fs-suite.ts";

const fd = await mountFuse(process.argv[2]!, {
  source: "fixture",
  subtype: "lyonnais-fixture",
  allowOther: false,
  readOnly: false,
});
process.chdir("/");
const server = serveFuse({
  fd,
  fs: memoryFileSystem(FIXTURE),
  onBug: (bug) => {
    console.error(bug);
    process.exitCode = 1;
  },
});
process.on("SIGTERM", () => unmountFuse(process.argv[2]!));
process.stdout.write("ready\n");
await server.unmounted;
