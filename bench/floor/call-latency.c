/* call-latency CALLS: maps and unmaps a page that often, a tenth of a millisecond apart, and prints the ns that 99 of 100 mmaps take at most. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static int order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 0;
  if (n < 100) return 2;
  double *took = malloc(sizeof *took * n);
  if (!took) { perror("call-latency"); return 1; }
  for (int i = 0; i < n; i++) {
    struct timespec a, b, pause = {.tv_nsec = 100000};
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &a);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    if (page == MAP_FAILED) { perror("mmap"); return 1; }
    munmap(page, 4096);
    took[i] = 1e9 * (b.tv_sec - a.tv_sec) + b.tv_nsec - a.tv_nsec;
  }
  qsort(took, n, sizeof *took, order);
  printf("%.0f\n", took[n * 99 / 100]);
  return 0;
}
