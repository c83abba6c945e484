/* The least a single step costs: PTRACE_SINGLESTEP and waitpid on process argv[1], argv[2] times; prints ns per step. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  pid_t pid = atoi(argv[1]);
  int n = atoi(argv[2]), status;
  struct timespec a, b;
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0) { perror("ptrace"); return 1; }
  waitpid(pid, &status, __WALL);
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (int i = 0; i < n; i++) {
    if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0) return 1;
    waitpid(pid, &status, __WALL);
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%.0f\n", (1e9 * (b.tv_sec - a.tv_sec) + b.tv_nsec - a.tv_nsec) / n);
  ptrace(PTRACE_DETACH, pid, 0, 0);
  return 0;
}
