/* Sleeps under a seccomp filter of its own: argv[1] says which. */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int filter(unsigned number, unsigned action) {
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, action),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {4, code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static void *diverging(void *unused) {
  if (filter(SYS_getppid, SECCOMP_RET_ALLOW)) _exit(1);
  puts("ready");
  for (;;) pause();
  return unused;
}

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "";
  pthread_t thread;
  int failed = 0;
  setvbuf(stdout, NULL, _IONBF, 0);
  if (!strcmp(kind, "kills")) failed = filter(SYS_seccomp, SECCOMP_RET_KILL_PROCESS);
  else if (!strcmp(kind, "traps")) failed = filter(SYS_close, SECCOMP_RET_TRAP);
  else if (!strcmp(kind, "harmless")) failed = filter(SYS_getppid, SECCOMP_RET_ALLOW);
  else if (!strcmp(kind, "diverges")) {
    if (pthread_create(&thread, NULL, diverging, NULL)) return 1;
    for (;;) pause();
  }
  if (failed) return 1;
  puts("ready");
  if (!strcmp(kind, "strict")) {
    char c;
    failed = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    while (read(0, &c, 1) > 0);
  }
#ifdef __x86_64__
  /* 32-bit code in a 64-bit process: it never comes back. */
  if (!strcmp(kind, "compat"))
    __asm__ volatile("pushq $0x23\n leaq 1f(%%rip), %%rax\n pushq %%rax\n lretq\n .code32\n 1: jmp 1b\n .code64" ::: "memory", "rax");
#endif
  for (;;) pause();
}
