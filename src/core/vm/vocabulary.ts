/**
 * The words of FreeBSD's vm(9): protections, inheritance, kern returns. Sizes and addresses are whole pages everywhere in
 * this folder.
 */
export const VM_PROT_READ = 1;
export const VM_PROT_WRITE = 2;
export const VM_PROT_EXECUTE = 4;
export const VM_PROT_ALL = 7;

/** vm_inherit_t. `zero` came after 2009. */
export type Inherit = "share" | "copy" | "none" | "zero";

/** What madvise(2) says; `dontneed` and `free` are about pages, which no charge depends on. */
export type Advice = "normal" | "sequential" | "random" | "willneed" | "dontneed" | "free";

/** kern_return_t of vm_param.h, without its prefix. */
export type KernReturn =
  | "OK"
  | "INVALID_ADDRESS"
  | "PROTECTION_FAILURE"
  | "NO_SPACE"
  | "INVALID_ARGUMENT"
  | "RESOURCE_SHORTAGE";

/** `rwx`, a dash for what is missing. */
export function protText(prot: number): string {
  const letter = (bit: number, text: string): string => ((prot & bit) === 0 ? "-" : text);
  return letter(VM_PROT_READ, "r") + letter(VM_PROT_WRITE, "w") + letter(VM_PROT_EXECUTE, "x");
}
