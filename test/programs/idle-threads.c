/*
 * argv[1] threads that sleep; says "ready" when all are there, makes argv[2] more, where that is given, once its standard input has a
 * byte, and ends with the next one or the end of it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *idle(void *nothing) {
  for (;;) pause();
  return nothing;
}

static int make(int count) {
  pthread_attr_t small;
  pthread_t thread;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 32 * 1024);
  while (count-- > 0)
    if (pthread_create(&thread, &small, idle, NULL)) return 0;
  return 1;
}

int main(int argc, char **argv) {
  char byte;
  if (!make(atoi(argv[1]))) return 1;
  puts("ready");
  fflush(stdout);
  if (argc > 2 && (read(0, &byte, 1) != 1 || !make(atoi(argv[2])))) return 1;
  return read(0, &byte, 1) < 0;
}
