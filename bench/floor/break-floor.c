/* The least a breakpoint costs: process argv[1] comes to address argv[2] argv[3] times; prints ns for each. */
#include <stdio.h>
#include <stdlib.h>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#if defined(__x86_64__)
#define TRAP 0xcc
#define TRAP_MASK 0xff
static void back(pid_t pid) {
  struct user_regs_struct regs;
  struct iovec io = {&regs, sizeof regs};
  ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io);
  regs.rip--;
  ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io);
}
#else
#define TRAP 0xd4200000
#define TRAP_MASK 0xffffffff
static void back(pid_t pid) {
  struct user_regs_struct regs;
  struct iovec io = {&regs, sizeof regs};
  ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io);
}
#endif

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  pid_t pid = atoi(argv[1]);
  void *at = (void *)strtoul(argv[2], NULL, 16);
  int n = atoi(argv[3]), status;
  struct timespec a, b;
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0) { perror("ptrace"); return 1; }
  waitpid(pid, &status, __WALL);
  long original = ptrace(PTRACE_PEEKTEXT, pid, at, 0);
  long trap = (original & ~(long)TRAP_MASK) | TRAP;
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (int i = 0; i < n; i++) {
    ptrace(PTRACE_POKETEXT, pid, at, trap);
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, __WALL);
    back(pid);
    ptrace(PTRACE_POKETEXT, pid, at, original);
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    waitpid(pid, &status, __WALL);
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%.0f\n", (1e9 * (b.tv_sec - a.tv_sec) + b.tv_nsec - a.tv_nsec) / n);
  ptrace(PTRACE_DETACH, pid, 0, 0);
  return 0;
}
