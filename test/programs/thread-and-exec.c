/* Has a second thread, prints its number, and calls exec from the first one once its standard input has a byte. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *thread(void *unused) {
  (void)unused;
  printf("ready\ntid %d\n", gettid());
  fflush(stdout);
  for (;;) pause();
}

int main(void) {
  char byte;
  pthread_t id;
  pthread_create(&id, NULL, thread, NULL);
  if (read(0, &byte, 1) != 1) return 1;
  execl("/bin/sleep", "sleep", "1000", (char *)0);
  return 1;
}
