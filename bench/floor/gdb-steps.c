/*
 * gdb stepping one instruction at a time for a program that watches, as a script does: gdb-steps PID N sends
 * -exec-step-instruction and waits for the stop, N times; prints ns per step.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static FILE *from;

static void until(const char *text) {
  char line[4096];
  while (fgets(line, sizeof line, from)) if (!strncmp(line, text, strlen(text))) return;
  fprintf(stderr, "gdb ended\n");
  exit(1);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int in[2], out[2], n = atoi(argv[2]);
  if (pipe(in) || pipe(out)) return 1;
  pid_t gdb = fork();
  if (gdb == 0) {
    dup2(in[0], 0); dup2(out[1], 1); dup2(out[1], 2);
    close(in[1]); close(out[0]);
    execlp("gdb", "gdb", "-q", "-nx", "--interpreter=mi3", "-p", argv[1], (char *)NULL);
    _exit(127);
  }
  close(in[0]); close(out[1]);
  from = fdopen(out[0], "r");
  static const char step[] = "-exec-step-instruction\n", leave[] = "-gdb-exit\n";
  struct timespec a = {0}, b;
  for (int i = -3; i < n; i++) {
    if (i == 0) clock_gettime(CLOCK_MONOTONIC, &a);
    if (write(in[1], step, sizeof step - 1) < 0) return 1;
    until("*stopped,reason=\"end-stepping-range\"");
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%.0f\n", (1e9 * (b.tv_sec - a.tv_sec) + b.tv_nsec - a.tv_nsec) / n);
  if (write(in[1], leave, sizeof leave - 1) < 0) return 1;
  waitpid(gdb, NULL, 0);
  return 0;
}
