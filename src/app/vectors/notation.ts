import type { ChargeState, EntryState, MapState, ObjectState, VmState } from "../../core/vm/snapshot.ts";

/** A state as people read it: docs/semantics.md, "Notation of states". */
export function stateLines({ global, uid, maps, objects }: VmState): string[] {
  const totals = Object.entries(uid).map(([id, pages]) => `u${id}=${pages}`);
  const described = Object.entries(objects).map(([name, object]) => `${name}{${objectText(object)}}`);
  return [
    `G=${global}  ${totals.join(" ")}`.trimEnd(),
    ...Object.entries(maps).map(([name, map]) => `  ${name}(ruid ${map.ruid}): ${mapText(map)}`),
    ...(described.length === 0 ? [] : [`  ${described.join(" ")}`]),
  ];
}

function mapText(map: MapState): string {
  if ("shares" in map) return `shares vmspace with ${map.shares}`;
  return map.entries.length === 0 ? "empty" : map.entries.map(entryText).join("; ");
}

function entryText(entry: EntryState): string {
  const { start, end, prot, inherit, object, offset } = entry;
  const words = [
    `[${start},${end})`,
    prot,
    entry.cow ? "COW" : "",
    entry.nc ? "NC" : "",
    inherit === "copy" ? "" : `inh=${inherit}`,
    entry.wired ? "wired" : "",
    entry.growsDown ? `GD avail=${entry.avail ?? 0}` : "",
    `E:${chargeText(entry.charge)}`,
    `obj=${object === null ? "nil" : offset === 0 ? object : `${object}+${offset}`}`,
  ];
  return words.filter((word) => word !== "").join(" ");
}

function objectText({ type, size, ref, shadow, charge, backing, backingOffset, oneMapping }: ObjectState): string {
  const behind = backing === null ? "" : ` ->${backing}${backingOffset === 0 ? "" : `+${backingOffset}`}`;
  const mapped = oneMapping === false ? " !1map" : "";
  return `${type} sz=${size} ref=${ref} sh=${shadow} C:${chargeText(charge)}${behind}${mapped}`;
}

function chargeText(charge: ChargeState | null): string {
  return charge === null ? "-" : `u${charge.uid}:${charge.pages}`;
}
