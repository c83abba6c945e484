import { X86_64 } from "../abi/arch/x86-64.ts";
import { type LayoutRow, placed, type RegisterLayout } from "./layout.ts";

const POINTERS: Readonly<Record<string, string>> = { rbp: "data_ptr", rsp: "data_ptr" };
const INTEGERS = [
  "rax",
  "rbx",
  "rcx",
  "rdx",
  "rsi",
  "rdi",
  "rbp",
  "rsp",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
];
const SEGMENTS = ["cs", "ss", "ds", "es", "fs", "gs"];

/** Names of eflags' bits; one that stands for two bits is not here. */
const FLAGS: readonly (readonly [name: string, bit: number])[] = [
  ["CF", 0],
  ["", 1],
  ["PF", 2],
  ["AF", 4],
  ["ZF", 6],
  ["SF", 7],
  ["TF", 8],
  ["IF", 9],
  ["DF", 10],
  ["OF", 11],
  ["NT", 14],
  ["RF", 16],
  ["VM", 17],
  ["AC", 18],
  ["VIF", 19],
  ["VIP", 20],
  ["ID", 21],
];
const MXCSR_FLAGS = ["IE", "DE", "ZE", "OE", "UE", "PE", "DAZ", "IM", "DM", "ZM", "OM", "UM", "PM"];

const bit = (name: string, at: number): string => `<field name="${name}" start="${at}" end="${at}"/>`;

const FLAG_TYPES = `<flags id="i386_eflags" size="4">${FLAGS.map(([name, at]) => bit(name, at)).join("")}</flags>`;
const MXCSR_TYPE = `<flags id="i386_mxcsr" size="4">${MXCSR_FLAGS.map(bit).join("")}${bit("FZ", 15)}</flags>`;

/** The ways to see 128 bits. */
const PARTS: readonly (readonly [id: string, field: string, type: string, count: number])[] = [
  ["v4f", "v4_float", "ieee_single", 4],
  ["v2d", "v2_double", "ieee_double", 2],
  ["v16i8", "v16_int8", "int8", 16],
  ["v8i16", "v8_int16", "int16", 8],
  ["v4i32", "v4_int32", "int32", 4],
  ["v2i64", "v2_int64", "int64", 2],
];
const VECTOR_TYPES =
  PARTS.map(([id, , type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`).join("") +
  `<union id="vec128">${PARTS.map(([id, field]) => `<field name="${field}" type="${id}"/>`).join("")}` +
  `<field name="uint128" type="uint128"/></union>`;

const CORE: readonly LayoutRow[] = [
  ...INTEGERS.map((name) => ({ name, bits: 64, type: POINTERS[name] ?? "int64", from: name })),
  { name: "rip", bits: 64, type: "code_ptr", from: "rip" },
  { name: "eflags", bits: 32, type: "i386_eflags", from: "eflags" },
  ...SEGMENTS.map((name) => ({ name, bits: 32, type: "int32", from: name })),
  ...Array.from({ length: 8 }, (_, i) => ({ name: `st${i}`, bits: 80, type: "i387_ext", from: `st${i}` })),
  // FXSAVE has the pointers as the 64-bit mode keeps them; what was a segment is their upper half.
  ...(
    [
      ["fctrl", { from: "fcw" }],
      ["fstat", { from: "fsw" }],
      ["ftag", { from: "ftw", tags: true }],
      ["fiseg", { from: "fip", at: 4, size: 2 }],
      ["fioff", { from: "fip" }],
      ["foseg", { from: "fdp", at: 4, size: 2 }],
      ["fooff", { from: "fdp" }],
      ["fop", { from: "fop" }],
    ] as const
  ).map(([name, place]) => ({ name, bits: 32, type: "int", group: "float", ...place })),
];

const SSE: readonly LayoutRow[] = [
  ...Array.from({ length: 16 }, (_, i) => ({ name: `xmm${i}`, bits: 128, type: "vec128", from: `xmm${i}` })),
  { name: "mxcsr", bits: 32, type: "i386_mxcsr", group: "vector", from: "mxcsr" },
];

/** Features and names as gdb's documentation has them, "i386 Features". */
export const X86_64_LAYOUT: RegisterLayout = {
  architecture: "i386:x86-64",
  triple: "x86_64-pc-linux-gnu",
  features: [
    { name: "org.gnu.gdb.i386.core", types: FLAG_TYPES, registers: placed(X86_64, CORE) },
    { name: "org.gnu.gdb.i386.sse", types: VECTOR_TYPES + MXCSR_TYPE, registers: placed(X86_64, SSE) },
    {
      name: "org.gnu.gdb.i386.linux",
      types: "",
      registers: placed(X86_64, [{ name: "orig_rax", bits: 64, type: "int", group: "system", from: "orig_rax" }]),
    },
    {
      name: "org.gnu.gdb.i386.segments",
      types: "",
      registers: placed(
        X86_64,
        ["fs_base", "gs_base"].map((name) => ({ name, bits: 64, type: "int", from: name })),
      ),
    },
  ],
  expedited: ["rbp", "rsp", "rip"],
  trap: [0xcc],
  trapAdvance: 1,
};
