/*
 * argv[1]: what every thread waits in; argv[2]: threads beside the first. Each checks that its wait had the right result,
 * prints nothing, and asks for its parent afterwards. In the end: "bad N parent N", the threads that were disturbed and the
 * sum of what getppid said.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *kind;
static long bad, parents;
static int word;

static long ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Spins without a system call, with values below the stack pointer where a leaf function keeps its own. */
static int leaf_is_disturbed(long turns) {
#ifdef __x86_64__
  long lost = 0;
  __asm__ volatile(
      "movq %1, -8(%%rsp)\n movq %1, -64(%%rsp)\n movq %1, -128(%%rsp)\n"
      "1: addq $1, %0\n cmpq %1, %0\n jb 1b\n xorq %0, %0\n"
      "cmpq %1, -8(%%rsp)\n je 2f\n incq %0\n 2: cmpq %1, -64(%%rsp)\n je 3f\n incq %0\n"
      "3: cmpq %1, -128(%%rsp)\n je 4f\n incq %0\n 4:\n"
      : "+&r"(lost) : "r"(turns) : "memory", "cc");
  return lost != 0;
#else
  for (volatile long i = 0; i < turns; i++);
  return 0;
#endif
}

static int disturbed(void) {
  /* The clock is in the vdso. */
  long start = strcmp(kind, "novdso") ? ms() : 0;
  if (!strcmp(kind, "nanosleep")) {
    struct timespec t = {0, 400000000};
    int r = nanosleep(&t, NULL);
    return r != 0 || ms() - start < 400 || ms() - start > 1400;
  }
  if (!strcmp(kind, "read")) {
    char c;
    return read(0, &c, 1) != 1 || c != 'x';
  }
  if (!strcmp(kind, "futex")) {
    struct timespec t = {0, 400000000};
    long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);
    return r != -1 || errno != ETIMEDOUT || ms() - start < 400 || ms() - start > 1400;
  }
  if (!strcmp(kind, "wake")) {
    char c;
    if (read(0, &c, 1) == 1) { __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST); syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1000, NULL, NULL, 0); return 0; }
    return 1;
  }
  if (!strcmp(kind, "poll")) {
    struct pollfd p = {0, POLLIN, 0};
    int r = poll(&p, 1, 400);
    return r != 0 || ms() - start < 400 || ms() - start > 1400;
  }
  if (!strcmp(kind, "suspend")) {
    sigset_t none;
    sigemptyset(&none);
    return sigsuspend(&none) != -1 || errno != EINTR;
  }
  /* spin, novdso */
  return leaf_is_disturbed(500000000);
}

static void on(int sig) { (void)sig; }

static void *one(void *waiter) {
  int is = 0;
  if (waiter && !strcmp(kind, "wake")) {
    while (!__atomic_load_n(&word, __ATOMIC_SEQ_CST))
      if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) < 0 && errno != EAGAIN) is = 1;
  } else is = disturbed();
  __atomic_add_fetch(&bad, is, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&parents, syscall(SYS_getppid), __ATOMIC_SEQ_CST);
  return NULL;
}

int main(int argc, char **argv) {
  kind = argv[1];
  int n = argc > 2 ? atoi(argv[2]) : 0;
  pthread_t thread[64];
  setvbuf(stdout, NULL, _IONBF, 0);
  signal(SIGUSR1, on);
  if (!strcmp(kind, "suspend")) { sigset_t usr1; sigemptyset(&usr1); sigaddset(&usr1, SIGUSR1); sigprocmask(SIG_BLOCK, &usr1, NULL); }
  unsigned long vdso = getauxval(AT_SYSINFO_EHDR);
  puts("ready");
  if (!strcmp(kind, "novdso")) munmap((void *)vdso, 8192);
  for (int i = 0; i < n; i++) if (pthread_create(&thread[i], NULL, one, thread)) return 1;
  one(NULL);
  for (int i = 0; i < n; i++) pthread_join(thread[i], NULL);
  printf("bad %ld parent %ld\n", bad, parents);
  return 0;
}
