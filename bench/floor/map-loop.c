/* Maps and unmaps a page argv[1] times; prints ns of a pair. Of its two calls, the first is one that `lyonnais run` traps. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int n = atoi(argv[1]);
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (int i = 0; i < n; i++) {
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) { perror("mmap"); return 1; }
    munmap(at, 4096);
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%.0f\n", (1e9 * (b.tv_sec - a.tv_sec) + b.tv_nsec - a.tv_nsec) / n);
  return 0;
}
