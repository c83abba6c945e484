/* Makes itself as many mappings as its first argument says, touches every other one, says "ready" and how many there are, and
   sleeps until its standard input ends; with a second argument it also goes on changing one of them. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096L

int main(int argc, char **argv) {
  long pairs = atol(argv[1]) / 2, made = 0;
  char *memory = mmap(0, pairs * 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  while (made < pairs && mprotect(memory + 2 * made * PAGE, PAGE, PROT_NONE) == 0) {
    memory[(2 * made + 1) * PAGE] = 1;
    made++;
  }
  printf("made %ld\nready\n", 2 * made);
  fflush(stdout);
  struct pollfd input = {0, POLLIN, 0};
  for (int on = 0; poll(&input, 1, argc > 2 ? 0 : -1) == 0; on = !on)
    mprotect(memory + PAGE, PAGE, on ? PROT_READ : PROT_READ | PROT_WRITE);
  return 0;
}
