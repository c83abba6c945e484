/*
 * latency MS cat PATH | latency MS mmap: does one thing over and over for MS milliseconds, a millisecond's sleep between, and prints how
 * long it took in microseconds: the median, the 99th percentile and the longest. `cat` opens, reads and closes PATH; `mmap` maps a
 * page, and unmaps it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MOST 1000000
static double took[MOST];

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e6 + at.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int cat(const char *path) {
  char buffer[4096];
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, buffer, sizeof buffer) <= 0) return perror(path), 1;
  return close(fd);
}

static int map(void) {
  void *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return perror("mmap"), 1;
  return munmap(page, 4096);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  double end = now() + atof(argv[1]) * 1000;
  int is_cat = strcmp(argv[2], "cat") == 0, count = 0;
  for (double begin = now(); begin < end && count < MOST; begin = now()) {
    if (is_cat ? cat(argv[3]) : map()) return 1;
    took[count++] = now() - begin;
    usleep(1000);
  }
  qsort(took, count, sizeof *took, by_size);
  printf("%.1f %.1f %.1f\n", took[count / 2], took[count * 99 / 100], took[count - 1]);
  return 0;
}
