/*
 * Calls itself and others in ways that are known, then stops in pause(2): frames of recursion, through a pointer, from a
 * signal handler, with an aligned stack. The argument says which: `deep N`, `signal`, `aligned`, `null`, `threads`.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile int sink;
static char alternate[64 * 1024];

__attribute__((noinline)) void leaf(void) {
  for (;;) pause();
}

__attribute__((noinline)) int recursion(int depth) {
  if (depth == 0) leaf();
  else sink += recursion(depth - 1);
  return sink + depth;
}

__attribute__((noinline)) static void handler(int signal) {
  sink = signal;
  leaf();
  sink++;
}

__attribute__((noinline)) void interrupted(void) {
  raise(SIGUSR1);
  sink++;
}

__attribute__((noinline)) int aligned(int n) {
  _Alignas(64) volatile char room[128];
  char *more = __builtin_alloca(n);
  room[n] = more[0] = (char)n;
  leaf();
  return room[n];
}

__attribute__((noinline)) void spin(void) {
  while (sink == 0) __asm__ volatile("" ::: "memory");
}

static void *second(void *argument) {
  sink = *(int *)argument;
  leaf();
  return NULL;
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "deep";
  int depth = argc > 2 ? atoi(argv[2]) : 3;
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_handler = handler, .sa_flags = strcmp(how, "elsewhere") == 0 ? SA_ONSTACK : 0};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGSEGV, &action, NULL);
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  if (strcmp(how, "deep") == 0) return recursion(depth);
  if (strcmp(how, "aligned") == 0) return aligned(depth);
  if (strcmp(how, "spin") == 0) spin();
  if (strcmp(how, "null") == 0) ((void (*volatile)(void))0)();
  if (strcmp(how, "threads") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, second, &depth);
    recursion(depth);
  }
  interrupted();
  return 0;
}
