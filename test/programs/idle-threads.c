/* argv[1] threads that sleep; says "ready" when all are there, and ends with its standard input. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *idle(void *nothing) {
  for (;;) pause();
  return nothing;
}

int main(int argc, char **argv) {
  pthread_attr_t small;
  pthread_t thread;
  char byte;
  (void)argc;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 32 * 1024);
  for (int i = 0; i < atoi(argv[1]); i++)
    if (pthread_create(&thread, &small, idle, NULL)) return 1;
  puts("ready");
  fflush(stdout);
  return read(0, &byte, 1) < 0;
}
