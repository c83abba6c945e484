import type { Credentials } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import type { VmSpace } from "./vmspace.ts";

/** The fields of struct proc that memory accounting needs. {@link ruid} pays; the other fields decide about refusals. */
export class Proc implements Credentials {
  readonly pid: number;
  ruid: UidInfo;
  euid: number;
  jailed: boolean;
  rlimitSwap: number;
  vmspace: VmSpace;

  constructor(pid: number, ruid: UidInfo, rest: Omit<Credentials, "pid">, vmspace: VmSpace) {
    this.pid = pid;
    this.ruid = ruid;
    this.euid = rest.euid;
    this.jailed = rest.jailed;
    this.rlimitSwap = rest.rlimitSwap;
    this.vmspace = vmspace;
  }
}
