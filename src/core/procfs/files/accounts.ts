import { Errno } from "../../base/errno.ts";
import { latin1 } from "../../base/text.ts";
import type { Handle } from "../../vfs/node.ts";
import { mapOutcome, type Outcome } from "../../vfs/parked.ts";
import { readSlice } from "../../vfs/slice.ts";
import type { Accounts } from "../accounts-port.ts";
import { orMinusOne, type RootContext, type RootFile, wordsOf } from "../file.ts";
import { lesserOf } from "../rights.ts";

function openText(render: (accounts: Accounts) => string): (context: RootContext) => Outcome<Handle> {
  return ({ mode, ports: { accounts } }) =>
    mapOutcome(accounts.settle(), () => {
      const content = mode.resumed?.memo ?? latin1(render(accounts));
      return { memo: content, read: (_caller, offset, into) => readSlice(content, offset, into) };
    });
}

/** The bits of vm.overcommit. */
const OVERCOMMIT = /^[0-7]$/;

export const swap: RootFile = {
  name: "swap",
  slot: 9,
  mode: 0o644,
  doc: "the global totals in bytes: total, reserved, overcommit (bits), supply; takes `overcommit BITS`",
  open: (context) => {
    const { opener, ports } = context;
    const { accounts, access } = ports;
    const text = openText(() => {
      const { total, reserved, overcommit, supply } = accounts.swap();
      return `total ${orMinusOne(total)}\nreserved ${reserved}\novercommit ${overcommit}\nsupply ${orMinusOne(supply)}\n`;
    });
    return mapOutcome(text(context), (handle) => ({
      ...handle,
      repeats: () => true,
      write(caller, offset, data) {
        const [name, bits = "", ...rest] = wordsOf(data, offset);
        if (name !== "overcommit" || rest.length > 0 || !OVERCOMMIT.test(bits)) {
          throw new Errno("EINVAL", "say: overcommit BITS, from 0 to 7");
        }
        accounts.setOvercommit(lesserOf(opener, access.recorded(caller, false)), Number(bits));
        return data.length;
      },
    }));
  },
};

export const accounts: RootFile = {
  name: "accounts",
  slot: 10,
  mode: 0o444,
  doc: "a line each uid, in bytes: uid reserved limit peak refusals accounted observed observed-bytes",
  open: openText((accounts) =>
    accounts
      .uids()
      .map((row) => {
        const { uid, reserved, limit, peak, refusals, accounted, observed, observedBytes } = row;
        return `${uid} ${reserved} ${orMinusOne(limit)} ${peak} ${refusals} ${accounted} ${observed} ${observedBytes}\n`;
      })
      .join(""),
  ),
};

export const accountsCheck: RootFile = {
  name: "accounts-check",
  slot: 11,
  mode: 0o444,
  doc: "everything counted again: empty when the accounts are true, else a line for each that is not",
  open: openText((accounts) =>
    accounts
      .check()
      .map((line) => `${line}\n`)
      .join(""),
  ),
};
