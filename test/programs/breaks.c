/*
 * argv[1] threads each call leaf argv[2] times when a line comes, and tell the sum; then again. Prints where leaf, other and the
 * counter are first. With argv[3], what each round does besides: "fork", "vfork" and "spawn" make a child that calls leaf and exits with 7.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

volatile long counters[256];
volatile long watched;
static int passes;
static pthread_barrier_t begin, end;

__attribute__((noinline)) long leaf(volatile long *slot, long argument) { return *slot += argument; }
__attribute__((noinline)) void other(void) { watched++; }

static void *count(void *slot) {
  for (;;) {
    pthread_barrier_wait(&begin);
    for (int i = 0; i < passes; i++) leaf(slot, 1);
    pthread_barrier_wait(&end);
  }
  return NULL;
}

static int child(const char *how) {
  volatile long own = 0;
  int status = 0;
  pid_t pid;
  if (!strcmp(how, "fork")) { if (!(pid = fork())) _exit(leaf(&own, 7)); }
  else if (!strcmp(how, "vfork")) { if (!(pid = vfork())) _exit(leaf(&own, 7)); }
  else { char *const argv[] = {"sh", "-c", "exit 7", NULL}; if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, NULL)) return -1; }
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int main(int argc, char **argv) {
  int n = atoi(argv[1]);
  char line[16];
  passes = atoi(argv[2]);
  setvbuf(stdout, NULL, _IONBF, 0);
  pthread_barrier_init(&begin, NULL, n + 1);
  pthread_barrier_init(&end, NULL, n + 1);
  for (int i = 0; i < n; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, count, (void *)&counters[i])) return 1;
  }
  printf("leaf %p other %p watched %p\nready\n", (void *)leaf, (void *)other, (void *)&watched);
  while (fgets(line, sizeof line, stdin)) {
    long sum = 0;
    pthread_barrier_wait(&begin);
    if (argc > 3) printf("child %d\n", child(argv[3]));
    pthread_barrier_wait(&end);
    other();
    for (int i = 0; i < n; i++) sum += counters[i];
    printf("sum %ld\n", sum);
  }
  return 0;
}
