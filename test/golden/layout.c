/* Prints the register layout of the processor it is compiled for, one "name offset" a line, then the size. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <sys/user.h>

#define SHOW(field) printf("%s %zu\n", #field, offsetof(struct user_regs_struct, field))

int main(void) {
#ifdef __x86_64__
  SHOW(r15); SHOW(r14); SHOW(r13); SHOW(r12); SHOW(rbp); SHOW(rbx); SHOW(r11); SHOW(r10); SHOW(r9); SHOW(r8);
  SHOW(rax); SHOW(rcx); SHOW(rdx); SHOW(rsi); SHOW(rdi); SHOW(orig_rax); SHOW(rip); SHOW(cs); SHOW(eflags);
  SHOW(rsp); SHOW(ss); SHOW(fs_base); SHOW(gs_base); SHOW(ds); SHOW(es); SHOW(fs); SHOW(gs);
#else
  for (int i = 0; i < 31; i++) printf("x%d %zu\n", i, offsetof(struct user_regs_struct, regs) + 8 * i);
  SHOW(sp); SHOW(pc); SHOW(pstate);
#endif
  printf("size %zu\n", sizeof(struct user_regs_struct));
  return 0;
}
