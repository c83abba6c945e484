/*
 * Says `ready`, waits for a line, makes a child that outlives it, says its process id and exits. `orphans fork`: the child is a
 * copy with 100 MiB. `orphans vfork`: it is another program. It says nothing more, and waits until it is killed.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (100L << 20)

static void hold(void) {
  close(0);
  close(1);
  close(2);
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "hold") == 0) hold();
  printf("ready\n");
  fflush(stdout);
  if (getchar() == EOF) return 1;
  int child;
  if (strcmp(argv[1], "fork") == 0) {
    char *memory = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    memset(memory, 1, SIZE);
    child = fork();
    if (child == 0) hold();
  } else {
    child = vfork();
    if (child == 0) {
      execl(argv[0], argv[0], "hold", (char *)0);
      _exit(1);
    }
  }
  char line[32];
  write(1, line, snprintf(line, sizeof line, "%d\n", child));
  _exit(0);
}
