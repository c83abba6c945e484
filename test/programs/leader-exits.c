/* The first thread leaves; another one counts on. */
#include <pthread.h>
#include <stdio.h>

volatile long counter;
static void *count(void *x) { puts("ready"); for (;;) counter++; return x; }

int main(void) {
  pthread_t thread;
  setvbuf(stdout, NULL, _IONBF, 0);
  pthread_create(&thread, NULL, count, NULL);
  pthread_exit(NULL);
}
