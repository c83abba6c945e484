import type { Grant, GrantKind } from "./grant.ts";
import type { Grants } from "./grants.ts";
import type { TrappedCall } from "./notification.ts";
import type { Operation } from "./operation.ts";
import { brk, map, protect, remap } from "./operations-of-memory.ts";
import { exec, fork, handler, setuid, trace, vfork } from "./operations-of-processes.ts";
import { resize, segment, share } from "./operations-of-sharing.ts";
import type { Targets, Vma } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import type { SharedObjects } from "./shared-objects.ts";
import type { Space } from "./space.ts";

/** What the rows act on. */
export interface OperationContext {
  readonly targets: Targets;
  readonly objects: SharedObjects;
  readonly grants: Grants;
}

export type OperationOf<Kind extends Operation["kind"]> = Extract<Operation, { readonly kind: Kind }>;

/** All there is to know about one kind of operation. */
export interface OperationRow<O extends Operation = Operation> extends GrantKind {
  /** It is nothing to the accounts, which do not even look who calls: it is trapped for somebody else. */
  readonly isIgnored?: true;
  /** The most pages that it can add, told without a look at the map. */
  upperBound(operation: O, process: AccountedProcess, context: OperationContext): number;
  /** Whether it adds just as much as its bound says. Absent: nobody can tell without the map. */
  readonly isBoundExact?: (operation: O) => boolean;
  /** The pages that it really adds, told from the map of its space; absent where that says nothing of it. */
  readonly fromMap?: (operation: O, vmas: readonly Vma[], space: Space) => number;
  /** Whether it has to be told from the map even where the bound fits: the bound may be too low. */
  readonly needsMap?: (operation: O, space: Space, context: OperationContext) => boolean;
  /** Charges `need` pages and returns what may be taken back as long as it is open; nothing where nothing can come of it. */
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

/** THE table of operations, by kind. */
export const OPERATIONS: Readonly<Record<Operation["kind"], OperationRow>> = ROWS as never;
