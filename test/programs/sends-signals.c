/* Sends process argv[1] the first realtime signal argv[2] times, numbered from 0, waiting for room in its queue. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  puts("ready");
  fflush(stdout);
  for (int i = 0; i < atoi(argv[2]); i++) {
    union sigval value = {.sival_int = i};
    while (sigqueue(atoi(argv[1]), SIGRTMIN, value)) usleep(100);
    if (i % 2 == 0) usleep(50);
  }
  return 0;
}
