import { mapOutcome } from "../../vfs/parked.ts";
import { readSlice } from "../../vfs/slice.ts";
import { EventReader } from "../event-reader.ts";
import type { RootFile } from "../file.ts";

export const history: RootFile = {
  name: "history",
  slot: 16,
  mode: 0o400,
  doc: "what today was like, as `lyonnais report` prints it: who had how much, who was refused",
  open: ({ mode, ports }) =>
    mapOutcome(mode.resumed?.memo ?? ports.history.today(), (content) => ({
      memo: content,
      read: (_caller, offset, into) => readSlice(content, offset, into),
    })),
};

export const rootEvents: RootFile = {
  name: "events",
  slot: 17,
  mode: 0o400,
  doc: "what happens to the accounts from now on, a line each: number, time, what, and its figures; reading waits",
  open: ({ mode, ports }) => new EventReader(mode, (news) => ports.history.events(news)).handle,
};
