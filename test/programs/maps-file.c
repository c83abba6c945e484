/* Maps a megabyte of its argument at 0x700000000000 without touching it, prints its pid, and sleeps. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
  (void)argc;
  int fd = open(argv[1], O_RDWR);
  if (mmap((void *)0x700000000000, 1 << 20, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) return 1;
  printf("pid %d\n", getpid());
  fflush(stdout);
  for (;;) pause();
}
