import { Errno } from "../../core/base/errno.ts";
import type { LimitsActions } from "./daemon-limits.ts";

/** What follows `limits ` on `ctl`: `reload`, `show`, `show WHO`. Resolves to what there is to answer. */
export async function limitsWord(text: string, limits: LimitsActions): Promise<string> {
  const [word, who = "", ...more] = text.split(" ");
  if (word === "reload" && who === "") return limits.reload();
  if (word === "show" && more.length === 0) return limits.show(who).join("\n");
  throw new Errno("EINVAL", `limits takes reload, or show WHO, not ${JSON.stringify(text)}`);
}
