/* Touches argv[1] MiB, then asks argv[2] times for argv[3] MiB more, or with 0 until it is ended. Prints the ns of one such call, at the
   median; every one of them has to be refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static int order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void *more(size_t size) { return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  size_t hold = (size_t)atol(argv[1]) << 20, size = (size_t)atol(argv[3]) << 20;
  int n = atoi(argv[2]);
  char *held = more(hold);
  double *took = malloc(sizeof *took * (n + 1));
  if (held == MAP_FAILED || !took) { perror("hold"); return 1; }
  memset(held, 1, hold);
  puts("ready");
  fflush(stdout);
  for (int i = 0; n == 0 || i < n; i++) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    void *at = more(size);
    clock_gettime(CLOCK_MONOTONIC, &b);
    if (at != MAP_FAILED) { fputs("it was not refused\n", stderr); return 1; }
    if (n > 0) took[i] = 1e9 * (b.tv_sec - a.tv_sec) + b.tv_nsec - a.tv_nsec;
  }
  qsort(took, n, sizeof *took, order);
  printf("%.0f\n", took[n / 2]);
  return 0;
}
