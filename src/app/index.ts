/**
 * What other programs import: `import { openTree, Vm } from "lyonnais"`. Everything throws {@link Errno}. What is not
 * exported here may change at any time.
 */
export { Errno, type ErrnoName, isErrno } from "../core/base/errno.ts";
export { UNLIMITED } from "../core/charges/unlimited.ts";
export { DEFAULT_OPTIONS, type ProcfsOptions } from "../core/procfs/options.ts";
export { recount } from "../core/vm/invariants.ts";
export { RULE_SETS, type RuleSetName } from "../core/vm/rules/rule-sets.ts";
export { Vm, type VmOptions } from "../core/vm/vm.ts";
export { composeLiveHost, type LiveHost } from "./compose.ts";
export { openLocalTree } from "./local-tree.ts";
export { type Mounted, mountPoint, mountProcfs, unmountProcfs } from "./mount.ts";
export { type MountSettings, parseMountOptions } from "./mount-options.ts";
export { openTree, type TreePlace } from "./open-tree.ts";
export { type Served, serveProcfs } from "./serve.ts";
export { readTlsServer } from "./tls-files.ts";
export { type NodeStat, readAll, type TreeClient, writeAll } from "./tree-client.ts";
