/* The first thread leaves; another one lends its memory to a child, which prints its number and waits until stdin ends. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *lend(void *first) {
  pthread_join(*(pthread_t *)first, NULL);
  if (vfork() == 0) {
    char byte;
    dprintf(1, "child %d\nready\n", getpid());
    while (read(0, &byte, 1) > 0) ;
    _exit(0);
  }
  return NULL;
}

int main(void) {
  static pthread_t first;
  pthread_t thread;
  first = pthread_self();
  pthread_create(&thread, NULL, lend, &first);
  pthread_exit(NULL);
}
