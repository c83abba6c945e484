import { InprocClient } from "../../src/app/inproc-client.ts";
import type { Tid } from "../../src/core/base/brand.ts";
import { memoryFileSystem } from "../../src/core/vfs/memory.ts";
import { FIXTURE, runFsSuite } from "./fs-suite.ts";

runFsSuite({
  name: "in process",
  open: async () => new InprocClient(memoryFileSystem(FIXTURE), { tid: 0 as Tid, uid: 0, gid: 0 }),
});
