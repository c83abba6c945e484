/* Starts as many threads as its argument says, then executes itself, again and again, after up to three milliseconds. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *thread(void *unused) {
  (void)unused;
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc == 2) {
    puts("ready");
    fflush(stdout);
  }
  unsigned turn = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 32768);
  pthread_t id;
  for (int i = atoi(argv[1]); i > 0; i--) pthread_create(&id, &small, thread, NULL);
  usleep(turn * 7919 % 3000);
  char next[16];
  snprintf(next, sizeof next, "%u", turn + 1);
  execl("/proc/self/exe", argv[0], argv[1], next, (char *)0);
  return 1;
}
