import { dirname, join } from "node:path";
import * as v from "valibot";
import { Errno } from "../core/base/errno.ts";
import { type Listening, type OciProfile, ociProfile } from "../core/trap/oci-profile.ts";
import { hostArch } from "../host/linux/host-arch.ts";
import { daemonSocket } from "./daemon/socket.ts";
import { readText } from "./read-text.ts";

/** Where this user's agent listens when nothing is said. */
export function agentSocket(): string {
  return join(dirname(daemonSocket()), "agent");
}

const argument = v.looseObject({
  index: v.number(),
  value: v.number(),
  valueTwo: v.optional(v.number()),
  op: v.string(),
});
const rule = v.looseObject({
  names: v.array(v.string()),
  action: v.string(),
  args: v.nullish(v.array(argument)),
});
const profile = v.looseObject({ defaultAction: v.string(), syscalls: v.optional(v.array(rule)) });

/** A profile of this machine's, joined with that of the file `base`, if any. EINVAL says what is wrong with it. */
export function containerProfile(listening: Listening, base?: string): OciProfile {
  return base === undefined ? ociProfile(hostArch(), listening) : ociProfile(hostArch(), listening, readProfile(base));
}

function readProfile(path: string): OciProfile {
  let value: unknown;
  try {
    value = JSON.parse(readText(path));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Errno("EINVAL", `${path}: ${error.message}`, error);
    throw error;
  }
  const parsed = v.safeParse(profile, value);
  if (parsed.success) {
    const syscalls = (parsed.output.syscalls ?? []).map(({ args, ...rest }) => ({
      ...rest,
      ...(args ? { args } : {}),
    }));
    return { ...parsed.output, syscalls } as OciProfile;
  }
  const [issue] = parsed.issues;
  const place = issue.path?.map(({ key }) => String(key)).join(".") ?? "";
  throw new Errno("EINVAL", `${path}: ${place}: ${issue.message.replace(/^Invalid \w+: /, "")}`);
}
