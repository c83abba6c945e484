import type { RegisterLayout } from "./layout.ts";

/** Text within a document or an attribute; one character a byte. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** The target description: which processor, and its registers, numbered in their order. */
export function targetXml({ architecture, features }: RegisterLayout): string {
  let number = 0;
  const parts = features.map(({ name, types, registers }) => {
    const rows = registers.map(({ name: register, bits, type, group }) => {
      const inGroup = group === undefined ? "" : ` group="${group}"`;
      return `<reg name="${register}" bitsize="${bits}" type="${type}" regnum="${number++}"${inGroup}/>`;
    });
    return `<feature name="${name}">${types}${rows.join("")}</feature>`;
  });
  return (
    `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">` +
    `<architecture>${architecture}</architecture><osabi>GNU/Linux</osabi>${parts.join("")}</target>`
  );
}
