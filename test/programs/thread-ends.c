/* Has a second thread, which ends once standard input has a byte; then says "ended". */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *thread(void *unused) {
  char byte;
  puts("ready");
  fflush(stdout);
  return read(0, &byte, 1) == 1 ? NULL : unused;
}

int main(void) {
  pthread_t id;
  pthread_create(&id, NULL, thread, NULL);
  pthread_join(id, NULL);
  puts("ended");
  fflush(stdout);
  for (;;) pause();
}
