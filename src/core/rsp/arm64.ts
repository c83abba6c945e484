import { ARM64 } from "../abi/arch/arm64.ts";
import { type LayoutRow, placed, type RegisterLayout } from "./layout.ts";

const CORE: readonly LayoutRow[] = [
  ...Array.from({ length: 31 }, (_, i) => ({ name: `x${i}`, bits: 64, type: "int", from: `x${i}` })),
  { name: "sp", bits: 64, type: "data_ptr", from: "sp" },
  { name: "pc", bits: 64, type: "code_ptr", from: "pc" },
  { name: "cpsr", bits: 32, type: "cpsr_flags", from: "pstate" },
];

const FLAGS: readonly (readonly [name: string, bit: number])[] = [
  ["SP", 0],
  ["F", 6],
  ["I", 7],
  ["A", 8],
  ["D", 9],
  ["IL", 20],
  ["SS", 21],
  ["V", 28],
  ["C", 29],
  ["Z", 30],
  ["N", 31],
];
const FLAG_TYPE = `<flags id="cpsr_flags" size="4">${FLAGS.map(
  ([name, bit]) => `<field name="${name}" start="${bit}" end="${bit}"/>`,
).join("")}</flags>`;

/** The ways to see 128 bits: as a whole, and as parts of 64, 32, 16 and 8. */
const PARTS: readonly (readonly [id: string, field: string, type: string, count: number])[] = [
  ["v2d", "d", "ieee_double", 2],
  ["v2u", "du", "uint64", 2],
  ["v4f", "s", "ieee_single", 4],
  ["v4u", "su", "uint32", 4],
  ["v8u", "h", "uint16", 8],
  ["v16u", "b", "uint8", 16],
];
const VECTOR_TYPES =
  PARTS.map(([id, , type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`).join("") +
  `<union id="vec128">${PARTS.map(([id, field]) => `<field name="${field}" type="${id}"/>`).join("")}` +
  `<field name="q" type="uint128"/></union>`;

const FPU: readonly LayoutRow[] = [
  ...Array.from({ length: 32 }, (_, i) => ({ name: `v${i}`, bits: 128, type: "vec128", from: `v${i}` })),
  { name: "fpsr", bits: 32, type: "int", from: "fpsr" },
  { name: "fpcr", bits: 32, type: "int", from: "fpcr" },
];

/** Features and names as gdb's documentation has them, "AArch64 Features". */
export const ARM64_LAYOUT: RegisterLayout = {
  architecture: "aarch64",
  triple: "aarch64-unknown-linux-gnu",
  features: [
    { name: "org.gnu.gdb.aarch64.core", types: FLAG_TYPE, registers: placed(ARM64, CORE) },
    { name: "org.gnu.gdb.aarch64.fpu", types: VECTOR_TYPES, registers: placed(ARM64, FPU) },
  ],
  expedited: ["x29", "sp", "pc"],
  // brk #0
  trap: [0x00, 0x00, 0x20, 0xd4],
  trapAdvance: 0,
};
