/* argv[1] threads that count, and the first thread with them, at index argv[1]; every counter is in `counters`. Prints "done" when `go` is cleared. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

volatile long counters[256];
volatile int go = 1;
static void *count(void *slot) { while (go) ++*(volatile long *)slot; return NULL; }

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 4;
  pthread_t thread[256];
  setvbuf(stdout, NULL, _IONBF, 0);
  for (int i = 0; i < n; i++) if (pthread_create(&thread[i], NULL, count, (void *)&counters[i])) return 1;
  puts("ready");
  count((void *)&counters[n]);
  for (int i = 0; i < n; i++) pthread_join(thread[i], NULL);
  puts("done");
  return 0;
}
