/*
 * The one client of all file benchmarks: repeats an operation and prints the nanoseconds each took.
 *   client cat PATH N | stat PATH N | list PATH N | pread PATH OFFSET BYTES N | words PATH N (step and wait) | hits DIR N (run and wait in its ctl, then its stop)
 *   client sleepers N (starts N sleeping processes that die with it, prints "ready", waits for its input to end)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 20];

static void fail(const char *what) { perror(what); exit(1); }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return 1e9 * t.tv_sec + t.tv_nsec; }

static void cat(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, buffer, sizeof buffer) <= 0) fail(path);
  close(fd);
}

static void list(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) fail(path);
  while (getdents64(fd, buffer, 32768) > 0);
  close(fd);
}

static int sleepers(int n) {
  pid_t self = getpid();
  for (int i = 0; i < n; i++) {
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != self) _exit(0);
      for (;;) pause();
    }
  }
  puts("ready");
  fflush(stdout);
  while (read(0, buffer, 1) > 0);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const char *op = argv[1], *path = argv[2];
  if (!strcmp(op, "sleepers")) return sleepers(atoi(path));
  int n = atoi(argv[argc - 1]), fd = -1;
  struct stat st;
  off_t offset = argc > 4 ? strtoll(argv[3], NULL, 0) : 0;
  size_t bytes = argc > 5 ? strtoul(argv[4], NULL, 0) : 0;
  if (!strcmp(op, "pread")) fd = open(path, O_RDONLY);
  char ctl[4096], stop[4096];
  snprintf(ctl, sizeof ctl, "%s/ctl", path);
  snprintf(stop, sizeof stop, "%s/stop", path);
  if (!strcmp(op, "hits")) fd = open(ctl, O_WRONLY);
  if (!strcmp(op, "words")) fd = open(path, O_WRONLY);
  double begun = now();
  for (int i = 0; i < n; i++) {
    if (!strcmp(op, "cat")) cat(path);
    else if (!strcmp(op, "stat")) { if (stat(path, &st) < 0) fail(path); }
    else if (!strcmp(op, "list")) list(path);
    else if (!strcmp(op, "pread")) { if (pread(fd, buffer, bytes, offset) != (ssize_t)bytes) fail(path); }
    else if (!strcmp(op, "words")) { if (pwrite(fd, "step", 4, 0) != 4 || pwrite(fd, "wait", 4, 0) != 4) fail(path); }
    else if (!strcmp(op, "hits")) { if (pwrite(fd, "run; wait", 9, 0) != 9) fail(ctl); cat(stop); }
    else return 2;
  }
  printf("%.0f\n", (now() - begun) / n);
  return 0;
}
