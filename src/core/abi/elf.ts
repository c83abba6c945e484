/** elf.h, 64-bit little-endian objects. Byte offsets into each struct. */
export const ELF_MAGIC = 0x464c_457f;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;

/** Elf64_Ehdr. */
export const EHDR = {
  size: 64,
  class: 4,
  data: 5,
  type: 16,
  phoff: 32,
  shoff: 40,
  phentsize: 54,
  phnum: 56,
  shentsize: 58,
  shnum: 60,
  shstrndx: 62,
} as const;

/** Elf64_Phdr. */
export const PHDR = { size: 56, type: 0, flags: 4, offset: 8, vaddr: 16, filesz: 32, memsz: 40 } as const;

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_NOTE = 4;
export const PT_PHDR = 6;
export const PT_GNU_EH_FRAME = 0x6474_e550;
export const PF_X = 1;

/** Elf64_Shdr. */
export const SHDR = { size: 64, name: 0, type: 4, flags: 8, address: 16, offset: 24, length: 32, link: 40 } as const;

export const SHT_SYMTAB = 2;
export const SHT_NOBITS = 8;
export const SHT_DYNSYM = 11;
export const SHF_COMPRESSED = 0x800;

/** Elf64_Sym. */
export const SYM = { size: 24, name: 0, info: 4, section: 6, value: 8, length: 16 } as const;

export const SHN_UNDEF = 0;
export const SHN_ABS = 0xfff1;
export const STT_NOTYPE = 0;
export const STT_FUNC = 2;
export const STT_TLS = 6;
export const STT_GNU_IFUNC = 10;
export const STB_GLOBAL = 1;
export const STB_WEAK = 2;

/** The note of a build-id: its name and its type. */
export const NOTE_OWNER_GNU = "GNU\0";
export const NT_GNU_BUILD_ID = 3;

/** Tags of an Elf64_Dyn, which is a tag and a value. */
export const DT_NULL = 0;
export const DT_DEBUG = 21;

/** link.h: where struct r_debug has the first struct link_map, and that. */
export const R_DEBUG_MAP = 8;
export const LINK_MAP = { size: 40, address: 0, name: 8, dynamic: 16, next: 24 } as const;
