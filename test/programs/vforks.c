/* Makes a child by vfork that sleeps for argv[1] milliseconds, during which nothing stops the first thread; prints "done" and its parent. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

int main(int argc, char **argv) {
  useconds_t us = argc > 1 ? 1000 * atoi(argv[1]) : 0;
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  if (vfork() == 0) { usleep(us); _exit(0); }
  printf("done %ld\n", (long)syscall(SYS_getppid));
  for (;;) pause();
}
