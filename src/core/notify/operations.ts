import type { Grant, GrantKind } from "../grants/grant.ts";
import type { Grants } from "../grants/grants.ts";
import type { SharedObjects } from "../grants/shared-objects.ts";
import type { Targets, Vma } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Space } from "../space/space.ts";
import type { TrappedCall } from "../trap/notification.ts";
import type { Operation } from "../trap/operation.ts";
import { brk, map, protect, remap } from "./operations-of-memory.ts";
import { exec, fork, handler, setuid, trace, vfork } from "./operations-of-processes.ts";
import { resize, segment, share } from "./operations-of-sharing.ts";

/** The parts of the accounts that the rows use. */
export interface OperationContext {
  readonly targets: Targets;
  readonly objects: SharedObjects;
  readonly grants: Grants;
}

export type OperationOf<Kind extends Operation["kind"]> = Extract<Operation, { readonly kind: Kind }>;

/** How one kind of operation is decided and charged. All counts are pages. */
export interface OperationRow<O extends Operation = Operation> extends GrantKind {
  /** The accounts allow it without finding out who calls: it is trapped for the repairer of signals alone. */
  readonly isIgnored?: true;
  /** The most pages that the call can add, without a read of the map. */
  upperBound(operation: O, process: AccountedProcess, context: OperationContext): number;
  /** Whether the call adds exactly its upper bound. Absent: only the map can tell. */
  readonly isBoundExact?: (operation: O) => boolean;
  /** The pages that the call adds to a space with these VMAs. Absent where the map does not tell. */
  readonly fromMap?: (operation: O, vmas: readonly Vma[], space: Space) => number;
  /** Whether the map has to be read even where the upper bound fits, since the bound may be too low. */
  readonly needsMap?: (operation: O, space: Space, context: OperationContext) => boolean;
  /** Charges `need` pages. Returns the grant, which can be cancelled while it is open; undefined where the call can change no charge. */
  grant(
    operation: O,
    process: AccountedProcess,
    call: TrappedCall,
    need: number,
    context: OperationContext,
  ): Grant | undefined;
}

const ROWS: { readonly [Kind in Operation["kind"]]: OperationRow<OperationOf<Kind>> } = {
  ...{ map, brk, protect, remap },
  ...{ share, segment, resize },
  ...{ fork, vfork, exec, setuid },
  ...{ handler, trace },
};

/** The table of operations, by kind: the only place that tells kinds apart. */
export const OPERATIONS: Readonly<Record<Operation["kind"], OperationRow>> = ROWS as never;
