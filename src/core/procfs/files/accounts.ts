import { Errno } from "../../base/errno.ts";
import { latin1 } from "../../base/text.ts";
import type { Handle } from "../../vfs/node.ts";
import { mapOutcome, type Outcome } from "../../vfs/parked.ts";
import { readSlice } from "../../vfs/slice.ts";
import { perform, type Steps, step } from "../../vfs/steps.ts";
import type { Accounts, UidAccount } from "../accounts-port.ts";
import { orMinusOne, type RootContext, type RootFile, wordsOf } from "../file.ts";
import { lesserOf } from "../rights.ts";

/** A file of what is asked once the figures are up to date. */
export function openText<T>(
  ask: (accounts: Accounts) => Outcome<T>,
  render: (figures: T) => string,
): (context: RootContext) => Outcome<Handle> {
  function* steps({ mode, ports: { accounts } }: RootContext): Steps<Handle> {
    const content = mode.resumed?.memo ?? latin1(yield* figures(accounts));
    return { memo: content, read: (_caller, offset, into) => readSlice(content, offset, into) };
  }
  function* figures(accounts: Accounts): Steps<string> {
    yield* step(accounts.settle());
    return render(yield* step(ask(accounts)));
  }
  return (context) => perform(steps(context));
}

/** The bits of vm.overcommit. */
const OVERCOMMIT = /^[0-7]$/;

const openSwap = openText(
  (accounts) => accounts.swap(),
  ({ total, reserved, overcommit, supply }) =>
    `total ${orMinusOne(total)}\nreserved ${reserved}\novercommit ${overcommit}\nsupply ${orMinusOne(supply)}\n`,
);

export const swap: RootFile = {
  name: "swap",
  slot: 9,
  mode: 0o644,
  doc: "the global totals in bytes: total, reserved, overcommit (bits), supply; takes `overcommit BITS`",
  open: (context) => {
    const { opener, ports } = context;
    const { accounts, access } = ports;
    return mapOutcome(openSwap(context), (handle) => ({
      ...handle,
      repeats: () => true,
      write(caller, offset, data) {
        const [name, bits = "", ...rest] = wordsOf(data, offset);
        if (name !== "overcommit" || rest.length > 0 || !OVERCOMMIT.test(bits)) {
          throw new Errno("EINVAL", "say: overcommit BITS, from 0 to 7");
        }
        const { length } = data;
        const by = lesserOf(opener, access.recorded(caller, false));
        return mapOutcome(accounts.setOvercommit(by, Number(bits)), () => length);
      },
    }));
  },
};

function renderUid(row: UidAccount): string {
  const { uid, reserved, limit, peak, refusals, accounted, observed, observedBytes } = row;
  return `${uid} ${reserved} ${orMinusOne(limit)} ${peak} ${refusals} ${accounted} ${observed} ${observedBytes}\n`;
}

export const accounts: RootFile = {
  name: "accounts",
  slot: 10,
  mode: 0o444,
  doc: "a line each uid, in bytes: uid reserved limit peak refusals accounted observed observed-bytes",
  open: openText(
    (accounts) => accounts.uids(),
    (rows) => rows.map(renderUid).join(""),
  ),
};

export const observed: RootFile = {
  name: "observed",
  slot: 12,
  mode: 0o444,
  doc: "processes of a uid that has a limit which cannot be held to it, a line each: pid uid reason",
  open: openText(
    (accounts) => accounts.unaccounted(),
    (rows) => rows.map(({ pid, uid, reason }) => `${pid} ${uid} ${reason}\n`).join(""),
  ),
};

export const accountsCheck: RootFile = {
  name: "accounts-check",
  slot: 11,
  mode: 0o444,
  doc: "everything counted again: empty when the accounts are true, else a line for each that is not",
  open: openText(
    (accounts) => accounts.check(),
    (lines) => lines.map((line) => `${line}\n`).join(""),
  ),
};

export const counters: RootFile = {
  name: "counters",
  slot: 18,
  mode: 0o444,
  doc: "what was decided since the accounts began, a line each: `began TIME`, `calls KIND COUNT`, `refused UID REASON COUNT`, `waits COUNT`",
  open: openText(
    (accounts) => accounts.counters(),
    (lines) => lines.map((line) => `${line}\n`).join(""),
  ),
};
