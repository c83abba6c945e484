/* Makes and joins threads without end, and counts them in `made`. */
#include <pthread.h>
#include <stdio.h>

volatile long made;
static void *nothing(void *x) { return x; }

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  for (;;) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL)) continue;
    pthread_join(thread, NULL);
    made++;
  }
}
