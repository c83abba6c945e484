import type { Proc } from "./proc.ts";
import type { MmapRequest, Vm } from "./vm.ts";

/** What execve maps. Segments are private; the file's part of one is its object. */
export interface ExecImage {
  readonly stackTop: number;
  readonly stackMaximum: number;
  readonly segments: readonly MmapRequest[];
  /** Where the heap starts. */
  readonly dataEnd: number;
  /** The effective uid of a set-uid image. It does not pay: the real uid goes on paying. */
  readonly euid?: number;
}

/**
 * execve(2): docs/semantics.md, "Exec". ENOMEM: no room for the arguments; nothing has changed. ABORT: the new image did not fit when the
 * old one was unmapped already; the process has exited.
 */
export function execve(vm: Vm, td: Proc, image: ExecImage): "OK" | "ENOMEM" | "ABORT" {
  const { execArgPages } = vm.rules;
  const payer = td.ruid;
  if (execArgPages > 0 && !vm.ledger.reserve(execArgPages, payer, td)) return "ENOMEM";
  vm.execBegin(td);
  const loaded =
    vm.stackCreate(td, image.stackTop, image.stackMaximum) === "OK" &&
    image.segments.every((segment) => vm.mmap(td, segment) === "OK");
  vm.ledger.release(execArgPages, payer);
  if (!loaded) {
    vm.exit(td);
    return "ABORT";
  }
  td.vmspace.dataStart = image.dataEnd;
  td.euid = image.euid ?? td.euid;
  return "OK";
}
