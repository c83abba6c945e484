import type { Outcome } from "../vfs/parked.ts";
import type { Events } from "./ports.ts";

/** What has happened to the accounts, kept for those who look back. */
export interface History {
  /** What today was like, for people: a text in UTF-8. EOPNOTSUPP where no history is kept. */
  today(): Outcome<Uint8Array>;
  /** What happens from now on; `news` is called when there is something to read. EOPNOTSUPP as above. */
  events(news: () => void): Events;
}
